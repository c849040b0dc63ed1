"""The band split of BSRNN: which bins belong together, and layers that treat bands in batches.

Bands of equal width stand side by side, so that a layer with weights of its own for every band is
one batched product for each *width* (five of them at 16 kHz), not one small product for each band.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor, nn

# GroupNorm's epsilon in the published code: that of float32.
_EPSILON = torch.finfo(torch.float32).eps


def band_widths(
    layout: Sequence[tuple[int, float]], num_bins: int, sample_rate: int
) -> list[tuple[int, int]]:
    """How many neighbouring bands have which width.

    Args:
        layout: Pairs (number of bands, width in Hz), from the lowest; the last width goes on up to
            the Nyquist frequency, and a layout that reaches further is cut there.
        num_bins: Bins of the spectrum.
        sample_rate: Hz.

    Returns:
        Pairs (number of bands, width in bins) that add up to `num_bins`. Widths are rounded down,
        and the bins that are left over are one last band: 32 bands for the published layout at
        16 kHz.
    """
    widths: list[int] = []
    left = num_bins
    for position, (count, width_hz) in enumerate(layout):
        width = max(1, math.floor(width_hz / (sample_rate / 2) * num_bins))
        is_last = position == len(layout) - 1
        fitting = left // width if is_last else min(count, left // width)
        widths += [width] * fitting
        left -= fitting * width
        if left < width:
            break
    if left:
        widths.append(left)
    return [(len(list(run)), width) for width, run in groupby(widths)]


def standardised(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """`x` with mean 0 and variance 1 over `axes`.

    In two passes: on a CPU `var_mean` over axes that are not the last takes five times as long.
    """
    centred = x - x.mean(axes, keepdim=True)
    variance = centred.square().mean(axes, keepdim=True)
    return centred * torch.rsqrt(variance + _EPSILON)


class BandLinear(nn.Module):
    """A linear layer for every band: (batch, bands, in, frames) -> (batch, bands, out, frames)."""

    def __init__(self, num_bands: int, in_dim: int, out_dim: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(in_dim)  # that of nn.Linear
        self.weight = nn.Parameter(torch.empty(num_bands, out_dim, in_dim).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(num_bands, out_dim, 1).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, bands, in, frames) -> (batch, bands, out, frames)."""
        if x.device.type != "cpu":
            return torch.matmul(self.weight, x) + self.bias
        # The same as a convolution, which torch leaves to oneDNN: on some processors twice as fast
        # as a batched product by MKL.
        bands, out_dim, _ = self.weight.shape
        y = nn.functional.conv1d(
            x.flatten(1, 2), self.weight.flatten(0, 1)[..., None], self.bias.flatten(), groups=bands
        )
        return y.unflatten(1, (bands, out_dim))


class BandNorm(nn.Module):
    """Normalises each band of each item over channels and frames; weights a band and channel.

    Args:
        num_bands: Bands.
        dim: Channels.
        causal: Each frame by itself.
    """

    def __init__(self, num_bands: int, dim: int, *, causal: bool = False) -> None:
        super().__init__()
        self.axes = (2,) if causal else (2, 3)
        self.weight = nn.Parameter(torch.ones(num_bands, dim, 1))
        self.bias = nn.Parameter(torch.zeros(num_bands, dim, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, bands, channels, frames) -> the same shape."""
        return torch.addcmul(self.bias, standardised(x, self.axes), self.weight)


class BandSplit(nn.Module):
    """Spectra become one feature vector for every band and frame.

    Args:
        widths: Pairs (number of bands, width in bins).
        out_dim: Channels of a band.
        num_maps: Pictures beside the two of the spectrum.
        causal: See `BandNorm`.
    """

    def __init__(
        self,
        widths: Sequence[tuple[int, int]],
        out_dim: int,
        num_maps: int = 0,
        *,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.widths = tuple(widths)
        depth = 2 + num_maps
        self.layers = nn.ModuleList(
            nn.Sequential(
                BandNorm(count, depth * width, causal=causal),
                BandLinear(count, depth * width, out_dim),
            )
            for count, width in self.widths
        )

    def forward(self, parts: Tensor) -> Tensor:
        """Pictures (batch, 2 + maps, bins, frames) -> (batch, channels, bands, frames)."""
        sizes = [count * width for count, width in self.widths]
        features = []
        for layer, part, (count, width) in zip(
            self.layers, parts.split(sizes, dim=2), self.widths, strict=True
        ):
            bands = part.unflatten(2, (count, width)).transpose(1, 2)
            features.append(layer(bands.flatten(2, 3)))
        return torch.cat(features, dim=1).transpose(1, 2)


class BandMasks(nn.Module):
    """The features of every band become a complex mask for its bins.

    Args:
        widths: Pairs (number of bands, width in bins).
        in_dim: Channels of a band.
        hidden_dim: Width of the two hidden layers.
        causal: See `BandNorm`.
    """

    def __init__(
        self,
        widths: Sequence[tuple[int, int]],
        in_dim: int,
        hidden_dim: int,
        *,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.widths = tuple(widths)
        num_bands = sum(count for count, _ in self.widths)
        self.hidden = nn.Sequential(
            BandNorm(num_bands, in_dim, causal=causal),
            BandLinear(num_bands, in_dim, hidden_dim),
            nn.Tanh(),
            BandLinear(num_bands, hidden_dim, hidden_dim),
            nn.Tanh(),
        )
        # For every bin: a real and an imaginary part, each with a gate.
        self.heads = nn.ModuleList(
            BandLinear(count, hidden_dim, 4 * width) for count, width in self.widths
        )

    def forward(self, features: Tensor) -> Tensor:
        """(batch, channels, bands, frames) -> complex masks (batch, bins, frames)."""
        hidden = self.hidden(features.transpose(1, 2))
        masks = []
        counts = [count for count, _ in self.widths]
        for head, part, (_, width) in zip(
            self.heads, hidden.split(counts, dim=1), self.widths, strict=True
        ):
            value, gate = head(part).float().unflatten(2, (2, 2, width)).unbind(2)
            gated = value * torch.sigmoid(gate)  # (batch, bands, real or imaginary, width, frames)
            masks.append(torch.complex(gated[:, :, 0], gated[:, :, 1]).flatten(1, 2))
        return torch.cat(masks, dim=1)
