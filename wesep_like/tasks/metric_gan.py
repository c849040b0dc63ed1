"""A discriminator that learns PESQ, and a loss that it gives: MetricGAN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.parametrizations import spectral_norm

from wesep_like.audio.stft import STFT
from wesep_like.audio.units import to_samples
from wesep_like.errors import AudioError, ConfigError
from wesep_like.metrics.pesq import pesq

_WINDOW_SECONDS, _HOP_SECONDS = 0.025, 0.00625
_CHANNELS = (2, 16, 32, 64, 128)
_HIDDEN_DIM = 64
_DROPOUT = 0.3


@dataclass(frozen=True)
class MetricGANOptions:
    """The config section `metric_gan`: a learnt PESQ as a further loss.

    Attributes:
        weight: Of the loss beside the others.
        learning_rate: Of the discriminator; the schedule scales it too.
    """

    weight: float = 0.05
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("weight", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name}: expected more than 0, got {getattr(self, name)}")


class Discriminator(nn.Module):
    """Tells the quality of an estimate beside its target, from 0 to 1 where PESQ goes to 4.5.

    Source:
        Fu et al., "MetricGAN", ICML 2019; layers as in CMGAN (Cao et al., Interspeech 2022) and
        WeSep. Deviation: both signals are brought to one level first, for an estimate learnt by
        SI-SDR has any.
    """

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.stft = STFT(
            to_samples(_WINDOW_SECONDS, sample_rate), to_samples(_HOP_SECONDS, sample_rate)
        )
        layers: list[nn.Module] = []
        for in_dim, out_dim in zip(_CHANNELS[:-1], _CHANNELS[1:], strict=True):
            conv = nn.Conv2d(in_dim, out_dim, 4, stride=2, padding=1, bias=False)
            norm = nn.InstanceNorm2d(out_dim, affine=True)
            layers += [spectral_norm(conv), norm, nn.PReLU(out_dim)]
        self.layers = nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten())
        self.head = nn.Sequential(
            spectral_norm(nn.Linear(_CHANNELS[-1], _HIDDEN_DIM)),
            nn.Dropout(_DROPOUT),
            nn.PReLU(_HIDDEN_DIM),
            spectral_norm(nn.Linear(_HIDDEN_DIM, 1)),
        )
        self.slope = nn.Parameter(torch.ones(1))

    def forward(self, target: Tensor, estimate: Tensor) -> Tensor:
        """(batch, samples) each -> (batch,)."""
        signals = torch.stack([target, estimate], dim=1)
        signals = signals / signals.std(dim=-1, keepdim=True).clamp_min(1e-8)
        magnitudes = self.stft(signals.flatten(0, 1)).abs().unflatten(0, (-1, 2))
        return torch.sigmoid(self.slope * self.head(self.layers(magnitudes))).squeeze(1)


class MetricGAN(nn.Module):
    """A discriminator and the two losses about it, which share one backward pass.

    Args:
        options: Weight and learning rate.
        sample_rate: Hz, where PESQ is defined.
    """

    def __init__(self, options: MetricGANOptions, sample_rate: int) -> None:
        super().__init__()
        self.options = options
        self.sample_rate = sample_rate
        self.discriminator = Discriminator(sample_rate)

    def estimate_loss(
        self, estimate: Tensor, target: Tensor, has_target: Tensor | None = None
    ) -> Tensor:
        """How far the estimates (batch, samples) are from perfect, to the discriminator.

        The discriminator does not learn from it.

        Args:
            estimate: (batch, samples).
            target: (batch, samples).
            has_target: (batch,) bool; others are left out. None: all have one.
        """
        as_it_is = {name: value.detach() for name, value in self.discriminator.named_parameters()}
        with torch.autocast(estimate.device.type, enabled=False):
            score = functional_call(
                self.discriminator, as_it_is, (target.float(), estimate.float())
            )
        return _mean_square(cast("Tensor", score) - 1, has_target)

    def discriminator_loss(
        self,
        estimate: Tensor,
        mixture: Tensor,
        target: Tensor,
        has_target: Tensor | None = None,
    ) -> Tensor:
        """How far the discriminator is from PESQ, for estimates, mixtures and targets alike.

        The model does not learn from it. What PESQ has no value for is left out, and so is what has
        no target.
        """
        total = target.new_zeros((), dtype=torch.float32)
        with torch.autocast(estimate.device.type, enabled=False):
            target = target.float()
            for signals in (target, mixture.float(), estimate.detach().float()):
                score = self.discriminator(target, signals)
                if signals is target:
                    total = total + _mean_square(score - 1, has_target)
                    continue
                quality = self._quality(signals, target)
                known = ~quality.isnan()
                total = total + _mean_square(score - quality.nan_to_num(), known)
        return total

    def _quality(self, signals: Tensor, target: Tensor) -> Tensor:
        """PESQ from 0 to 1, (batch,); NaN where it has no value."""
        found = []
        for signal, its_target in zip(signals.cpu(), target.cpu(), strict=True):
            try:
                found.append((pesq(signal, its_target, self.sample_rate) + 0.5) / 5)
            except AudioError:
                found.append(float("nan"))
        return torch.tensor(found, device=signals.device)


def _mean_square(errors: Tensor, is_counted: Tensor | None) -> Tensor:
    """Over what counts of (batch,), or all; 0 if nothing does."""
    if is_counted is None:
        return errors.square().mean()
    counted = torch.where(is_counted, errors, 0.0)
    return counted.square().sum() / is_counted.sum().clamp_min(1)
