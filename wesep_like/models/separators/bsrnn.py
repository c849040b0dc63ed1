"""Band-split RNN."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from wesep_like.audio.stft import STFT
from wesep_like.audio.units import to_samples
from wesep_like.config.sections import check_sizes
from wesep_like.errors import ConfigError
from wesep_like.models.separators.bands import EPSILON, BandMasks, BandSplit, band_widths
from wesep_like.models.separators.base import SEPARATORS, Separator
from wesep_like.models.separators.spectra import check_stft

# Luo & Yu give band splits for music at 44.1 kHz; this one is WeSep's for speech at 16 kHz.
PUBLISHED_BANDS = ((15, 100.0), (10, 200.0), (5, 500.0), (1, 2000.0))


class _Context(NamedTuple):
    spectrum: Tensor  # complex (batch, bins, frames)
    num_samples: int


class ResidualRNN(nn.Module):
    """Normalise, run a bidirectional LSTM along one axis, project, add.

    Args:
        dim: Channels.
        hidden_dim: LSTM width in each direction.
    """

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.bias = nn.Parameter(torch.zeros(dim))
        self.rnn = nn.LSTM(dim, hidden_dim, bidirectional=True)
        self.projection = nn.Linear(2 * hidden_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(steps, sequences, channels) -> the same shape."""
        # Statistics of a whole sequence: GroupNorm with one group.
        variance, mean = torch.var_mean(x, dim=(0, 2), correction=0, keepdim=True)
        normal = (x - mean) * torch.rsqrt(variance + EPSILON) * self.weight + self.bias
        hidden, _ = self.rnn(normal)
        return x + self.projection(hidden)


class BandSplitBlock(nn.Module):
    """One RNN along time in every band, then one along the bands in every frame."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.along_time = ResidualRNN(dim, hidden_dim)
        self.along_bands = ResidualRNN(dim, hidden_dim)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, channels, bands, frames) -> the same shape."""
        batch, _, bands, frames = features.shape
        x = features.permute(3, 0, 2, 1)  # (frames, batch, bands, channels)
        x = self.along_time(x.flatten(1, 2)).unflatten(1, (batch, bands))
        x = x.permute(2, 1, 0, 3)  # (bands, batch, frames, channels)
        x = self.along_bands(x.flatten(1, 2)).unflatten(1, (batch, frames))
        return x.permute(1, 3, 0, 2)


@SEPARATORS.register("bsrnn")
class BSRNN(Separator):
    """Band-split RNN for any sample rate.

    Args:
        sample_rate: Hz.
        channels: Features of a band.
        hidden_dim: LSTM width in each direction; None is twice `channels`, as published.
        mask_dim: Width of the mask network; None is four times `channels`, as published.
        num_blocks: How often time and band RNN alternate.
        window_ms: STFT window.
        hop_ms: STFT step.
        bands: Pairs (number of bands, width in Hz); the last width goes on to the Nyquist
            frequency.

    Source:
        Luo and Yu, "Music Source Separation with Band-split RNN", TASLP 2023, section III; Yu et
        al., "High fidelity speech enhancement with band-split RNN", Interspeech 2023. Bands and
        normalisation are those of WeSep's BSRNN. Deviation: the last width repeats up to the
        Nyquist frequency (at 16 kHz this changes nothing), so that any sample rate works.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        channels: int = 128,
        hidden_dim: int | None = None,
        mask_dim: int | None = None,
        num_blocks: int = 6,
        window_ms: float = 32.0,
        hop_ms: float = 8.0,
        bands: tuple[tuple[int, float], ...] = PUBLISHED_BANDS,
    ) -> None:
        super().__init__()
        check_sizes(
            channels=channels, hidden_dim=hidden_dim, mask_dim=mask_dim, num_blocks=num_blocks
        )
        check_stft(window_ms, hop_ms)
        if not bands or any(count < 1 or width <= 0 for count, width in bands):
            raise ConfigError(
                f"bands: expected pairs (number of bands, width in Hz), all positive, got {bands!r}"
            )
        self.stft = STFT(
            to_samples(window_ms / 1000, sample_rate), to_samples(hop_ms / 1000, sample_rate)
        )
        self.min_samples = self.stft.min_samples
        widths = band_widths(bands, self.stft.num_bins, sample_rate)
        self.feature_dims = (channels,) * num_blocks
        self.frequency_dims = (sum(count for count, _ in widths),) * num_blocks
        self.split = BandSplit(widths, channels)
        self.blocks = nn.ModuleList(
            BandSplitBlock(channels, hidden_dim or 2 * channels) for _ in range(num_blocks)
        )
        self.masks = BandMasks(widths, channels, mask_dim or 4 * channels)

    def encode(self, mixture: Tensor) -> tuple[Tensor, _Context]:
        """Mixture (batch, samples) -> features (batch, channels, bands, frames), spectrum."""
        spectrum = self.stft(mixture)
        return self.split(spectrum), _Context(spectrum, mixture.shape[-1])

    def decode(self, features: Tensor, context: _Context) -> Tensor:
        """Features, spectrum -> estimates (batch, 1, samples)."""
        estimate = context.spectrum * self.masks(features)
        return self.stft.inverse(estimate, context.num_samples).unsqueeze(1)
