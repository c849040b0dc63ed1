"""Losses on waveforms."""

from __future__ import annotations

import torch
from torch import Tensor

from wesep_like.errors import ConfigError
from wesep_like.losses.base import LOSSES, WaveformLoss
from wesep_like.metrics.pairs import check_same_shape
from wesep_like.metrics.sdr import scale_invariant_energies

_FLOOR = 1e-8  # keeps the loss within 80 dB of zero, and so its gradient finite


@LOSSES.register("neg_snr")
class NegSNRLoss(WaveformLoss):
    """Signal over what differs from it in dB, negated: the level of the estimate counts.

    Beside mixtures whose target is absent: there the level of silence is learnt, which `neg_si_sdr`
    leaves open. A silent target gives no gradient.

    Args:
        soft_limit_db: As for `neg_si_sdr`.

    Source:
        Wisdom et al., "Unsupervised sound separation using mixture invariant training", NeurIPS
        2020, eq. 2.
    """

    def __init__(self, *, soft_limit_db: float = 30.0) -> None:
        super().__init__()
        _check_limit(soft_limit_db)
        self.softening = 10 ** (-soft_limit_db / 10)

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """(batch, samples) each -> (batch,); ShapeError unless both have one shape."""
        check_same_shape(estimate, target)
        estimate, target = estimate.float(), target.float()
        signal = target.square().sum(-1)
        distortion = (estimate - target).square().sum(-1)
        # Of a share, so that a whisper is learnt as a shout is.
        share = distortion / signal.clamp_min(_FLOOR) + self.softening
        return torch.where(signal > _FLOOR, 10 * torch.log10(share), 0.0)


@LOSSES.register("neg_si_sdr")
class NegSISDRLoss(WaveformLoss):
    """The metric `si_sdr` in dB, negated, within -80 and 80 dB.

    Where the metric refuses, the loss goes on: a silent target gives 80 dB and no gradient.

    Args:
        zero_mean: Remove each signal's mean first.
        soft_limit_db: How good is good enough: the loss flattens out towards minus this value, so
            that a batch's easy items leave the gradient to its hard ones. None: no such limit.

    Source:
        Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019. The soft limit is the
        threshold of Wisdom et al., "Unsupervised sound separation using mixture invariant
        training", NeurIPS 2020, eq. 2: -10 log10(signal / (distortion + 10^(-limit/10) signal)),
        here with the scaled target as the signal.
    """

    def __init__(self, *, zero_mean: bool = True, soft_limit_db: float | None = None) -> None:
        super().__init__()
        if soft_limit_db is not None:
            _check_limit(soft_limit_db)
        self.zero_mean = zero_mean
        self.softening = 0.0 if soft_limit_db is None else 10 ** (-soft_limit_db / 10)

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """(batch, samples) each -> (batch,); ShapeError unless both have one shape."""
        check_same_shape(estimate, target)
        signal, distortion = scale_invariant_energies(estimate, target, zero_mean=self.zero_mean)
        distortion = distortion + self.softening * signal
        return -10 * torch.log10(signal / (distortion + _FLOOR) + _FLOOR)


def _check_limit(soft_limit_db: float) -> None:
    if not 0 < soft_limit_db < 80:
        raise ConfigError(
            f"soft_limit_db: {soft_limit_db!r} dB. A limit lies between 0 and 80, as 30 does."
        )
