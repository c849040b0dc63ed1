"""What the separators in the time-frequency domain share."""

from __future__ import annotations

import torch
from torch import Tensor

from wesep_like.audio.stft import STFT
from wesep_like.audio.units import to_samples
from wesep_like.errors import ConfigError

# Some 160 dB below full scale: what is more silent than this is silence.
_LEAST_LEVEL = 1e-8


def build_stft(window_ms: float, hop_ms: float, sample_rate: int) -> STFT:
    """The STFT of a separator.

    Raises:
        ConfigError: If frames overlap by less than half.
    """
    if not 0 < hop_ms <= window_ms / 2:
        raise ConfigError(
            f"hop_ms: expected more than 0 and at most half of window_ms ({window_ms}), "
            f"got {hop_ms}"
        )
    return STFT(to_samples(window_ms / 1000, sample_rate), to_samples(hop_ms / 1000, sample_rate))


def mixture_level(mixture: Tensor) -> Tensor:
    """Standard deviation of mixtures (batch, samples) as (batch, 1), never zero."""
    return mixture.float().std(dim=-1, keepdim=True).clamp_min(_LEAST_LEVEL)


def pictures(spectrum: Tensor, maps: Tensor | None = None) -> Tensor:
    """What a separator looks at: real part, imaginary part, and what stands beside them.

    Args:
        spectrum: Complex (batch, bins, frames).
        maps: (batch, maps, bins, frames).

    Returns:
        (batch, 2 + maps, bins, frames).
    """
    parts = torch.view_as_real(spectrum).movedim(-1, 1)
    return parts if maps is None else torch.cat([parts, maps], dim=1)
