"""What the separators in the time-frequency domain share."""

from __future__ import annotations

from torch import Tensor

from wesep_like.errors import ConfigError

# Some 160 dB below full scale: what is more silent than this is silence.
_LEAST_LEVEL = 1e-8


def check_stft(window_ms: float, hop_ms: float) -> None:
    """Goes on only if frames overlap by half or more; for a constructor.

    Raises:
        ConfigError: If they do not.
    """
    if not 0 < hop_ms <= window_ms / 2:
        raise ConfigError(
            f"hop_ms: expected more than 0 and at most half of window_ms ({window_ms}), "
            f"got {hop_ms}"
        )


def mixture_level(mixture: Tensor) -> Tensor:
    """Standard deviation of mixtures (batch, samples) as (batch, 1), never zero."""
    return mixture.float().std(dim=-1, keepdim=True).clamp_min(_LEAST_LEVEL)
