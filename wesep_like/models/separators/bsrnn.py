"""Band-split RNN."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from wesep_like.config.sections import check_sizes
from wesep_like.errors import ConfigError
from wesep_like.models.separators.bands import BandMasks, BandSplit, band_widths, standardised
from wesep_like.models.separators.base import SEPARATORS, Separator, unsteered
from wesep_like.models.separators.spectra import build_stft, pictures
from wesep_like.models.separators.streams import SpectrumStream, Stream

# Luo & Yu give band splits for music at 44.1 kHz; this one is WeSep's for speech at 16 kHz.
PUBLISHED_BANDS = ((15, 100.0), (10, 200.0), (5, 500.0), (1, 2000.0))


RNNState = tuple[Tensor, Tensor]  # of an LSTM: hidden and cell


class _Context(NamedTuple):
    spectrum: Tensor  # complex (batch, bins, frames)
    num_samples: int


class ResidualRNN(nn.Module):
    """Normalise, run an LSTM along one axis, project, add.

    Args:
        dim: Channels.
        hidden_dim: LSTM width in each direction.
        causal: One direction only, and each step is normalised by itself.
    """

    def __init__(self, dim: int, hidden_dim: int, *, causal: bool = False) -> None:
        super().__init__()
        self.axes = (2,) if causal else (0, 2)
        self.weight = nn.Parameter(torch.ones(dim))
        self.bias = nn.Parameter(torch.zeros(dim))
        self.rnn = nn.LSTM(dim, hidden_dim, bidirectional=not causal)
        self.projection = nn.Linear((1 if causal else 2) * hidden_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(steps, sequences, channels) -> the same shape."""
        return self.step(x, None)[0]

    def step(self, x: Tensor, state: RNNState | None) -> tuple[Tensor, RNNState]:
        """The same for steps that follow others, which left `state`."""
        # Statistics of a whole sequence: GroupNorm with one group.
        normal = torch.addcmul(self.bias, standardised(x, self.axes), self.weight)
        hidden, state = self.rnn(normal, state)
        return x + self.projection(hidden), state


class BandSplitBlock(nn.Module):
    """One RNN along time in every band, then one along the bands in every frame."""

    def __init__(self, dim: int, hidden_dim: int, *, causal: bool = False) -> None:
        super().__init__()
        self.along_time = ResidualRNN(dim, hidden_dim, causal=causal)
        self.along_bands = ResidualRNN(dim, hidden_dim)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, channels, bands, frames) -> the same shape."""
        return self.step(features, None)[0]

    def step(self, features: Tensor, state: RNNState | None) -> tuple[Tensor, RNNState]:
        """The same for frames that follow others, which left `state`."""
        batch, _, bands, frames = features.shape
        x = features.permute(3, 0, 2, 1)  # (frames, batch, bands, channels)
        x, state = self.along_time.step(x.flatten(1, 2), state)
        x = x.unflatten(1, (batch, bands)).permute(2, 1, 0, 3)  # (bands, batch, frames, channels)
        x = self.along_bands(x.flatten(1, 2)).unflatten(1, (batch, frames))
        return x.permute(1, 3, 0, 2), state


@SEPARATORS.register("bsrnn")
class BSRNN(Separator):
    """Band-split RNN for any sample rate.

    Args:
        sample_rate: Hz.
        num_maps: Pictures beside the spectrum, see `Separator.encode`.
        channels: Features of a band.
        hidden_dim: LSTM width in each direction; None is twice `channels`, as published.
        mask_dim: Width of the mask network; None is four times `channels`, as published.
        num_blocks: How often time and band RNN alternate.
        window_ms: STFT window.
        hop_ms: STFT step.
        bands: Pairs (number of bands, width in Hz); the last width goes on to the Nyquist
            frequency.
        causal: Hear nothing that comes later than a window, so that mixtures can be streamed: the
            LSTMs along time run forward only, and each frame is normalised by itself.

    Source:
        Luo and Yu, "Music Source Separation with Band-split RNN", TASLP 2023, section III; Yu et
        al., "High fidelity speech enhancement with band-split RNN", Interspeech 2023. Bands and
        normalisation are those of WeSep's BSRNN. Deviation: the last width repeats up to the
        Nyquist frequency (at 16 kHz this changes nothing), so that any sample rate works.
    """

    def __init__(
        self,
        sample_rate: int,
        num_maps: int = 0,
        *,
        channels: int = 128,
        hidden_dim: int | None = None,
        mask_dim: int | None = None,
        num_blocks: int = 6,
        window_ms: float = 32.0,
        hop_ms: float = 8.0,
        bands: tuple[tuple[int, float], ...] = PUBLISHED_BANDS,
        causal: bool = False,
    ) -> None:
        super().__init__()
        check_sizes(
            channels=channels, hidden_dim=hidden_dim, mask_dim=mask_dim, num_blocks=num_blocks
        )
        if not bands or any(count < 1 or width <= 0 for count, width in bands):
            raise ConfigError(
                f"bands: expected pairs (number of bands, width in Hz), all positive, got {bands!r}"
            )
        self.stft = build_stft(window_ms, hop_ms, sample_rate)
        self.num_maps = num_maps
        self.min_samples = self.stft.min_samples
        widths = band_widths(bands, self.stft.num_bins, sample_rate)
        self.feature_dims = (channels,) * num_blocks
        self.frequency_dims = (sum(count for count, _ in widths),) * num_blocks
        self.split = BandSplit(widths, channels, num_maps, causal=causal)
        self.blocks = nn.ModuleList(
            BandSplitBlock(channels, hidden_dim or 2 * channels, causal=causal)
            for _ in range(num_blocks)
        )
        self.masks = BandMasks(widths, channels, mask_dim or 4 * channels, causal=causal)
        self.causal = causal

    def encode(self, mixture: Tensor, maps: Tensor | None = None) -> tuple[Tensor, _Context]:
        """Mixture (batch, samples) -> features (batch, channels, bands, frames), spectrum."""
        spectrum = self.stft(mixture)
        return self.split(pictures(spectrum, maps)), _Context(spectrum, mixture.shape[-1])

    def decode(self, features: Tensor, context: _Context) -> Tensor:
        """Features, spectrum -> estimates (batch, 1, samples)."""
        estimate = context.spectrum * self.masks(features)
        return self.stft.inverse(estimate, context.num_samples).unsqueeze(1)

    def stream(self, steer: Callable[[int, Tensor], Tensor] = unsteered) -> Stream:
        """A mixture in pieces, see `Separator.stream`; the answer lags by half a window.

        Raises:
            ConfigError: If it is not causal.
        """
        if not self.causal:
            return super().stream(steer)
        states: list[RNNState | None] = [None] * len(self.blocks)

        def separate(spectrum: Tensor) -> Tensor:
            features = self.split(pictures(spectrum))
            for number, block in enumerate(cast("list[BandSplitBlock]", list(self.blocks))):
                features, states[number] = block.step(steer(number, features), states[number])
            return spectrum * self.masks(features)

        return SpectrumStream(self.stft, separate)
