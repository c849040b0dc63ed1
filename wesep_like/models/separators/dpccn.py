"""DPCCN."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from wesep_like.config.sections import check_sizes
from wesep_like.errors import ConfigError
from wesep_like.models.separators.base import SEPARATORS, Separator, Steer
from wesep_like.models.separators.spectra import build_stft, mixture_level, pictures
from wesep_like.models.separators.tcn import DilatedConv

_DENSE_LAYERS = 5
_DOWN_LAYERS = 7  # each halves the bins


class _Context(NamedTuple):
    skips: list[Tensor]  # left by the way down, the shallowest first
    level: Tensor  # (batch, 1), or (1, 1)
    num_samples: int


class _Conv2d(nn.Module):
    """Convolution, ELU and instance norm; with a step of two it halves the bins."""

    def __init__(self, in_dim: int, out_dim: int, bin_step: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_dim, out_dim, 3, stride=(bin_step, 1), padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in, bins, frames) -> (batch, out, bins / bin_step, frames)."""
        return _instance_norm(nn.functional.elu(self.conv(x)))


class _ConvTranspose2d(nn.Module):
    """The way back of a `_Conv2d` that halves."""

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_dim, out_dim, 3, stride=(2, 1), padding=1)

    def forward(self, x: Tensor, num_bins: int) -> Tensor:
        """(batch, in, bins / 2, frames) -> (batch, out, num_bins, frames)."""
        x = self.conv(x, output_size=[num_bins, x.shape[-1]])
        return _instance_norm(nn.functional.elu(x))


class _Dense(nn.Module):
    """Five convolutions, each of which hears what all before it heard and said."""

    def __init__(self, in_dim: int, dim: int, out_dim: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            _Conv2d(in_dim + number * dim, out_dim if number == _DENSE_LAYERS - 1 else dim)
            for number in range(_DENSE_LAYERS)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in, bins, frames) -> (batch, out, bins, frames)."""
        *inner, last = self.layers
        for layer in inner:
            x = torch.cat([x, layer(x)], dim=1)
        return last(x)


class _Down(nn.Module):
    """The way down: from all bins to a few."""

    def __init__(self, channels: int, bottom_dim: int) -> None:
        super().__init__()
        dims = [channels, *[2 * channels] * 4, 4 * channels, 8 * channels, bottom_dim]
        self.layers = nn.ModuleList(
            nn.Sequential(
                _Conv2d(in_dim, out_dim, bin_step=2),
                *([_Dense(out_dim, out_dim, out_dim)] if number < 4 else []),
            )
            for number, (in_dim, out_dim) in enumerate(zip(dims[:-1], dims[1:], strict=True))
        )

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(batch, channels, bins, frames) -> what comes out, and what went in to each step."""
        skips = []
        for layer in self.layers:
            skips.append(x)
            x = layer(x)
        return x, [*skips, x]


class _TCNLayer(nn.Module):
    """Norm, ELU, dilated convolution, norm, ELU, 1x1 convolution, add."""

    def __init__(self, dim: int, dilation: int) -> None:
        super().__init__()
        # Its bias would be taken out again by the norm.
        self.depthwise = DilatedConv(dim, dim, 3, dilation, groups=dim, bias=False)
        self.pointwise = nn.Conv1d(dim, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, steps) -> the same shape."""
        y = self.depthwise(nn.functional.elu(_instance_norm(x)))
        return x + self.pointwise(nn.functional.elu(_instance_norm(y)))


class _TCN(nn.Module):
    """Layers of dilation 1, 2, 4, ... over the frames, in each of them over its few bins."""

    def __init__(self, dim: int, num_layers: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(_TCNLayer(dim, 2**number) for number in range(num_layers)))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, bins, frames) -> the same shape."""
        frames, bins = x.shape[3], x.shape[2]
        steps = self.layers(x.transpose(2, 3).flatten(2))
        return steps.unflatten(2, (frames, bins)).transpose(2, 3)


class _Up(nn.Module):
    """The way up: from a few bins to all, each step beside what the way down said there."""

    def __init__(self, channels: int, bottom_dim: int) -> None:
        super().__init__()
        narrow = [(2 * bottom_dim, 8), (16 * channels, 4), (8 * channels, 2)]
        self.narrow = nn.ModuleList(
            _ConvTranspose2d(in_dim, scale * channels) for in_dim, scale in narrow
        )
        wide = 2 * channels
        self.dense = nn.ModuleList(_Dense(2 * wide, wide, 2 * wide) for _ in range(4))
        self.widen = nn.ModuleList(
            _ConvTranspose2d(2 * wide, channels if number == 3 else wide) for number in range(4)
        )
        self.last = _Dense(2 * channels, channels, 2 * channels)

    def forward(self, x: Tensor, skips: list[Tensor]) -> Tensor:
        """What the TCN made and the skips of the way down -> (batch, 2 channels, bins, frames)."""
        # From the deepest: what to stand beside, and how many bins come next.
        beside = skips[::-1]
        bins = [skip.shape[2] for skip in beside[1:]]
        for number, layer in enumerate(self.narrow):
            x = layer(torch.cat([beside[number], x], dim=1), bins[number])
        for number, (dense, layer) in enumerate(zip(self.dense, self.widen, strict=True), start=3):
            x = layer(dense(torch.cat([beside[number], x], dim=1)), bins[number])
        return self.last(torch.cat([beside[-1], x], dim=1))


class _Pyramid(nn.Module):
    """Means over squares of several sizes, beside the features themselves."""

    def __init__(self, dim: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.sizes = sizes
        each = dim // len(sizes)
        self.layers = nn.ModuleList(nn.Conv2d(dim, each, 1) for _ in sizes)
        self.project = nn.Conv2d(dim + each * len(sizes), dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, bins, frames) -> the same shape."""
        shape = x.shape[2:]
        parts = [x]
        for size, layer in zip(self.sizes, self.layers, strict=True):
            # A square that reaches beyond a short mixture is cut to it.
            square = [min(size, length) for length in shape]
            pooled = layer(nn.functional.avg_pool2d(x, square))
            parts.append(nn.functional.interpolate(pooled, shape, mode="bilinear"))
        return self.project(torch.cat(parts, dim=1))


@SEPARATORS.register("dpccn")
class DPCCN(Separator):
    """Densely-connected pyramid complex convolutional network: maps spectra, without a mask.

    Fusions stand before the way down, on what the first dense block said, and before each TCN.

    Args:
        sample_rate: Hz.
        num_maps: Pictures beside the spectrum, see `Separator.encode`.
        channels: At the top; two, four and eight times as many further down.
        tcn_dim: Channels at the bottom.
        num_tcns: How often dilations start anew.
        num_tcn_layers: Layers of each, of dilations 1, 2, 4, ...
        pool_sizes: Squares of bins by frames that the pyramid takes means of.
        window_ms: STFT window.
        hop_ms: STFT step.
        normalize_level: Take the mixture's standard deviation out, and put it back in the end.

    Source:
        Han et al., "DPCCN: Densely-Connected Pyramid Complex Convolutional Network for Robust
        Speech Separation and Extraction", ICASSP 2022; sizes as in WeSep, whose TCN runs over
        frames and bins as one sequence. Deviation: `normalize_level`.
    """

    def __init__(
        self,
        sample_rate: int,
        num_maps: int = 0,
        *,
        channels: int = 16,
        tcn_dim: int = 384,
        num_tcns: int = 2,
        num_tcn_layers: int = 10,
        pool_sizes: tuple[int, ...] = (4, 8, 16, 32),
        window_ms: float = 32.0,
        hop_ms: float = 8.0,
        normalize_level: bool = True,
    ) -> None:
        super().__init__()
        check_sizes(
            channels=channels, tcn_dim=tcn_dim, num_tcns=num_tcns, num_tcn_layers=num_tcn_layers
        )
        if not pool_sizes or min(pool_sizes) < 1 or 2 * channels % len(pool_sizes):
            raise ConfigError(
                f"pool_sizes: expected sizes of 1 or more, as many as divide {2 * channels}, "
                f"got {pool_sizes!r}"
            )
        self.normalize_level = normalize_level
        self.stft = build_stft(window_ms, hop_ms, sample_rate)
        self.num_maps = num_maps
        self.min_samples = self.stft.min_samples
        bins = self.stft.num_bins
        bottom_bins = bins
        for _ in range(_DOWN_LAYERS):
            bottom_bins = -(-bottom_bins // 2)
        self.feature_dims = (channels, *[tcn_dim] * num_tcns)
        self.frequency_dims = (bins, *[bottom_bins] * num_tcns)
        self.conv = nn.Conv2d(2 + num_maps, channels, 3, padding=1)
        self.dense = _Dense(channels, channels, channels)
        self.blocks = nn.ModuleList(
            [_Down(channels, tcn_dim), *(_TCN(tcn_dim, num_tcn_layers) for _ in range(num_tcns))]
        )
        self.up = _Up(channels, tcn_dim)
        self.pyramid = _Pyramid(2 * channels, pool_sizes)
        self.deconv = nn.ConvTranspose2d(2 * channels, 2, 3, padding=1)

    def encode(self, mixture: Tensor, maps: Tensor | None = None) -> tuple[Tensor, _Context]:
        """Mixture (batch, samples) -> features (batch, channels, bins, frames), context."""
        level = mixture_level(mixture) if self.normalize_level else mixture.new_ones(1, 1)
        spectrum = self.stft(mixture / level)
        parts = pictures(spectrum, None if maps is None else maps / level[..., None, None])
        context = _Context([], level, mixture.shape[-1])
        return self.dense(self.conv(parts)), context

    def run_block(self, number: int, features: Tensor, context: _Context, steer: Steer) -> Tensor:
        """The way down leaves its skips in the context; the TCNs keep the shape."""
        if number > 0:
            return self.blocks[number](steer(features))
        features, skips = self.blocks[number](steer(features))
        context.skips.extend(skips)
        return features

    def decode(self, features: Tensor, context: _Context) -> Tensor:
        """Features, context -> estimates (batch, 1, samples)."""
        x = self.deconv(self.pyramid(self.up(features, context.skips)))
        real, imag = x.float().unbind(1)
        estimate = self.stft.inverse(torch.complex(real, imag), context.num_samples)
        return (estimate * context.level).unsqueeze(1)


def _instance_norm(x: Tensor) -> Tensor:
    """Each channel of each item over all its positions."""
    return nn.functional.instance_norm(x)
