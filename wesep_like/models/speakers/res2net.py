"""Res2Net speaker encoder: slices of the channels see ever wider surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from wesep_like.errors import ConfigError
from wesep_like.models.speakers.base import SPEAKERS
from wesep_like.models.speakers.resnet import ResNet, shortcut


def rectified(x: Tensor) -> Tensor:
    """`x` cut to 0 to 20, as in the published blocks."""
    return x.clamp(0, 20)


class SlicedBlock(nn.Module):
    """Between two 1 x 1 convolutions, 3 x 3 convolutions on slices of the channels.

    Each slice adds to the next.

    Args:
        in_dim: Channels that go in.
        dim: Width of the block.
        stride: Along bins and frames.
        num_slices: How many slices there are.
        num_convs: How many slices have a convolution of `convs`, counted from the first.
        base_width: Channels of a slice in a block that is 64 wide.
        expansion: How many channels come out, in widths.

    Raises:
        ConfigError: If a slice has no channel.
    """

    def __init__(
        self,
        in_dim: int,
        dim: int,
        stride: int,
        *,
        num_slices: int,
        num_convs: int,
        base_width: int,
        expansion: int,
    ) -> None:
        super().__init__()
        self.slice_dim = dim * base_width // 64
        if not self.slice_dim:
            # The first block, whose width is that of the encoder, tells of it.
            raise ConfigError(f"channels: expected at least {-(-64 // base_width)}, got {dim}")
        inner_dim, out_dim = num_slices * self.slice_dim, expansion * dim
        self.conv1 = nn.Conv2d(in_dim, inner_dim, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(inner_dim)
        self.convs = nn.ModuleList(self.slice_conv() for _ in range(num_convs))
        self.bns = nn.ModuleList(nn.BatchNorm2d(self.slice_dim) for _ in range(num_convs))
        self.conv3 = nn.Conv2d(inner_dim, out_dim, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_dim)
        self.shortcut = shortcut(in_dim, out_dim, stride)

    def slice_conv(self) -> nn.Conv2d:
        """A convolution of one slice."""
        return nn.Conv2d(self.slice_dim, self.slice_dim, 3, padding=1, bias=False)

    def convolved(self, slices: Sequence[Tensor]) -> list[Tensor]:
        """The slices, each (batch, channels, bins, frames), after their convolutions."""
        done: list[Tensor] = []
        for conv, bn, piece in zip(self.convs, self.bns, slices, strict=False):
            done.append(rectified(bn(conv(piece + done[-1] if done else piece))))
        return [*done, *slices[len(done) :]]

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_dim, bins, frames) -> (batch, dim * expansion, bins, frames)."""
        y = rectified(self.bn1(self.conv1(x)))
        y = torch.cat(self.convolved(y.split(self.slice_dim, dim=1)), dim=1)
        return rectified(self.bn3(self.conv3(y)) + self.shortcut(x))


class _Res2Block(SlicedBlock):
    """Two slices; the last is not convolved."""

    expansion: ClassVar[int] = 2

    def __init__(self, in_dim: int, dim: int, stride: int) -> None:
        super().__init__(
            in_dim,
            dim,
            stride,
            num_slices=2,
            num_convs=1,
            base_width=32,
            expansion=self.expansion,
        )


@SPEAKERS.register("res2net34")
class Res2Net34(ResNet):
    """Res2Net34: 3-4-6-3 blocks (4.7 M parameters at 32 channels; WeSpeaker's Large has 64).

    Source:
        Gao et al., "Res2Net: A New Multi-Scale Backbone Architecture", TPAMI 2021; sizes and
        rectifiers as in WeSpeaker, which has them of 3D-Speaker.
    """

    block = _Res2Block
    depths = (3, 4, 6, 3)
