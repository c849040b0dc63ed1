"""TF-GridNet."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from wesep_like.config.sections import check_sizes
from wesep_like.errors import ConfigError
from wesep_like.models.separators.base import SEPARATORS, Separator
from wesep_like.models.separators.spectra import build_stft, mixture_level, pictures


class _Context(NamedTuple):
    level: Tensor  # (batch, 1)
    num_samples: int


class _UnfoldedRNN(nn.Module):
    """Normalise, run a bidirectional LSTM over stacks of neighbours, spread its output, add.

    Args:
        dim: Channels.
        hidden_dim: LSTM width in each direction.
        kernel_size: How many neighbours are a stack, I of the paper.
        hop: Step between stacks, J of the paper.
    """

    def __init__(self, dim: int, hidden_dim: int, kernel_size: int, hop: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.hop = hop
        self.norm = nn.LayerNorm(dim)
        self.rnn = nn.LSTM(dim * kernel_size, hidden_dim, bidirectional=True)
        self.spread = (
            nn.Linear(2 * hidden_dim, dim * kernel_size)  # stacks that do not overlap
            if kernel_size == hop
            else nn.ConvTranspose1d(2 * hidden_dim, dim, kernel_size, stride=hop)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(steps, sequences, channels) -> the same shape."""
        stacks = self.norm(x)
        if self.kernel_size > 1:
            stacks = stacks.unfold(0, self.kernel_size, self.hop).flatten(2)
        hidden, _ = self.rnn(stacks)
        if self.kernel_size > self.hop:
            return x + self.spread(hidden.permute(1, 2, 0)).permute(2, 0, 1)
        spread = self.spread(hidden).unflatten(2, (-1, self.kernel_size))
        return x + spread.permute(0, 3, 1, 2).flatten(0, 1)


class _HeadNorm(nn.Module):
    """PReLU and layer norm over channels and bins, for each head its own."""

    def __init__(self, num_heads: int, dim: int) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.full((num_heads, 1, 1), 0.25))
        self.weight = nn.Parameter(torch.ones(num_heads, 1, dim))
        self.bias = nn.Parameter(torch.zeros(num_heads, 1, dim))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, heads, frames, bins x channels) -> the same shape."""
        x = torch.where(x >= 0, x, self.slope * x)
        x = nn.functional.layer_norm(x, x.shape[-1:])
        return x * self.weight + self.bias


class _CrossFrameAttention(nn.Module):
    """Every frame attends to every other; the channels of all its bins are one vector."""

    def __init__(self, dim: int, num_bins: int, num_heads: int, query_dim: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.sizes = [num_heads * query_dim, num_heads * query_dim, dim]
        self.project = nn.Linear(dim, sum(self.sizes))
        self.query_norm = _HeadNorm(num_heads, num_bins * query_dim)
        self.key_norm = _HeadNorm(num_heads, num_bins * query_dim)
        self.value_norm = _HeadNorm(num_heads, num_bins * (dim // num_heads))
        self.out = nn.Sequential(nn.Linear(dim, dim), nn.PReLU(), nn.LayerNorm([num_bins, dim]))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, frames, bins, channels) -> the same shape."""
        bins = x.shape[2]
        # (batch, heads, frames, bins x channels of a head) each
        query, key, value = (
            part.unflatten(3, (self.num_heads, -1)).permute(0, 3, 1, 2, 4).flatten(3)
            for part in self.project(x).split(self.sizes, dim=3)
        )
        heard = nn.functional.scaled_dot_product_attention(
            self.query_norm(query), self.key_norm(key), self.value_norm(value)
        )
        heard = heard.unflatten(3, (bins, -1)).permute(0, 2, 3, 1, 4).flatten(3)
        return self.out(heard)


class GridNetBlock(nn.Module):
    """An LSTM along frequency, one along time, and attention across frames."""

    def __init__(
        self,
        dim: int,
        hidden_dim: int,
        num_bins: int,
        kernel_size: int,
        hop: int,
        num_heads: int,
        query_dim: int,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.hop = hop
        self.along_frequency = _UnfoldedRNN(dim, hidden_dim, kernel_size, hop)
        self.along_time = _UnfoldedRNN(dim, hidden_dim, kernel_size, hop)
        self.attention = _CrossFrameAttention(dim, num_bins, num_heads, query_dim)

    def _padding(self, length: int) -> tuple[int, int]:
        """Zeros before and after `length` steps, so that stacks cover all and overlap alike."""
        lap = self.kernel_size - self.hop
        stacks = -(-(length + 2 * lap - self.kernel_size) // self.hop)
        return lap, stacks * self.hop + self.kernel_size - length - lap

    def forward(self, features: Tensor) -> Tensor:
        """(batch, channels, bins, frames) -> the same shape."""
        batch, _, bins, frames = features.shape
        x = features.permute(2, 0, 3, 1)  # (bins, batch, frames, channels)
        lap, _ = self._padding(bins)
        x = nn.functional.pad(x, (0, 0, *self._padding(frames), 0, 0, *self._padding(bins)))
        steps = x.shape[2]
        x = self.along_frequency(x.flatten(1, 2)).unflatten(1, (batch, steps))
        x = x.transpose(0, 2)  # (frames, batch, bins, channels)
        steps = x.shape[2]
        x = self.along_time(x.flatten(1, 2)).unflatten(1, (batch, steps))
        x = x[lap : lap + frames, :, lap : lap + bins].transpose(0, 1)
        x = x + self.attention(x)
        return x.permute(0, 3, 2, 1)


@SEPARATORS.register("tfgridnet")
class TFGridNet(Separator):
    """TF-GridNet for any sample rate.

    Args:
        sample_rate: Hz.
        num_maps: Pictures beside the spectrum, see `Separator.encode`.
        channels: Features of a bin and frame, D of the paper.
        hidden_dim: LSTM width in each direction, H of the paper.
        num_blocks: B of the paper.
        num_heads: Of the attention, L of the paper.
        query_dim: Width of a frame's query in each head, at least; E of the paper is this over the
            number of bins.
        kernel_size: How many neighbours an LSTM takes at a step, I of the paper.
        kernel_hop: How far a step goes, J of the paper.
        window_ms: STFT window.
        hop_ms: STFT step.

    Source:
        Wang et al., "TF-GridNet: Integrating Full- and Sub-Band Modeling for Speech Separation",
        TASLP 2023, section III, in the vectorised form of ESPnet (TFGridNetV2). The mixture's
        standard deviation is taken out and put back.
    """

    def __init__(
        self,
        sample_rate: int,
        num_maps: int = 0,
        *,
        channels: int = 48,
        hidden_dim: int = 192,
        num_blocks: int = 6,
        num_heads: int = 4,
        query_dim: int = 512,
        kernel_size: int = 4,
        kernel_hop: int = 1,
        window_ms: float = 16.0,
        hop_ms: float = 8.0,
    ) -> None:
        super().__init__()
        check_sizes(
            channels=channels,
            hidden_dim=hidden_dim,
            num_blocks=num_blocks,
            num_heads=num_heads,
            query_dim=query_dim,
            kernel_size=kernel_size,
            kernel_hop=kernel_hop,
        )
        if channels % num_heads:
            raise ConfigError(f"num_heads: expected a divisor of {channels}, got {num_heads}")
        if kernel_hop > kernel_size:
            raise ConfigError(
                f"kernel_hop: expected at most kernel_size ({kernel_size}), got {kernel_hop}"
            )
        self.stft = build_stft(window_ms, hop_ms, sample_rate)
        self.num_maps = num_maps
        self.min_samples = self.stft.min_samples
        bins = self.stft.num_bins
        self.feature_dims = (channels,) * num_blocks
        self.frequency_dims = (bins,) * num_blocks
        self.conv = nn.Conv2d(2 + num_maps, channels, 3, padding=1)
        self.norm = nn.GroupNorm(1, channels)
        self.blocks = nn.ModuleList(
            GridNetBlock(
                channels,
                hidden_dim,
                bins,
                kernel_size,
                kernel_hop,
                num_heads,
                math.ceil(query_dim / bins),
            )
            for _ in range(num_blocks)
        )
        self.deconv = nn.ConvTranspose2d(channels, 2, 3, padding=1)

    def encode(self, mixture: Tensor, maps: Tensor | None = None) -> tuple[Tensor, _Context]:
        """Mixture (batch, samples) -> features (batch, channels, bins, frames), level."""
        level = mixture_level(mixture)
        spectrum = self.stft(mixture / level)
        parts = pictures(spectrum, None if maps is None else maps / level[..., None, None])
        return self.norm(self.conv(parts)), _Context(level, mixture.shape[-1])

    def decode(self, features: Tensor, context: _Context) -> Tensor:
        """Features, level -> estimates (batch, 1, samples)."""
        real, imag = self.deconv(features).float().unbind(1)
        estimate = self.stft.inverse(torch.complex(real, imag), context.num_samples)
        return (estimate * context.level).unsqueeze(1)
