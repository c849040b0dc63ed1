"""ResNet speaker encoders, and the stages of residual blocks that others share with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn

from wesep_like.audio.fbank import WindowName
from wesep_like.config.sections import check_sizes
from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.speakers.base import SPEAKERS, FbankEncoder
from wesep_like.models.speakers.pooling import PoolingName, build_pooling


class Block(Protocol):
    """A class of blocks.

    Attributes:
        expansion: How many channels come out of a block, in widths.
    """

    expansion: int

    def __call__(self, in_dim: int, dim: int, stride: int) -> nn.Module:
        """A block of the channels that go in, its width, and its stride along bins and frames."""


def shortcut(in_dim: int, out_dim: int, stride: int) -> nn.Module:
    """What goes around a block: nothing, or a convolution where the shape changes."""
    if stride == 1 and in_dim == out_dim:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(in_dim, out_dim, 1, stride, bias=False), nn.BatchNorm2d(out_dim))


def residual_stages(
    blocks: Sequence[Callable[[int, int, int], nn.Module]],
    depths: Sequence[int],
    channels: int,
    expansion: int = 1,
) -> list[nn.Sequential]:
    """Stages of blocks; each but the first halves bins and frames and doubles the width.

    Args:
        blocks: Of each stage, makes a block from its channels in, its width and its stride.
        depths: How many blocks each stage has.
        channels: Those that go in, and the width of the first stage.
        expansion: How many channels come out of a block, in widths.
    """
    in_dim = channels
    stages = []
    for number, (block, depth) in enumerate(zip(blocks, depths, strict=True)):
        dim = channels * 2**number
        first = block(in_dim, dim, 1 if number == 0 else 2)
        in_dim = dim * expansion
        stages.append(nn.Sequential(first, *(block(in_dim, dim, 1) for _ in range(depth - 1))))
    return stages


class _BasicBlock(nn.Module):
    expansion: ClassVar[int] = 1

    def __init__(self, in_dim: int, dim: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_dim, dim, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(dim)
        self.conv2 = nn.Conv2d(dim, dim, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(dim)
        self.shortcut = shortcut(in_dim, dim, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class _Bottleneck(nn.Module):
    """Narrow within, four times as wide outside."""

    expansion: ClassVar[int] = 4

    def __init__(self, in_dim: int, dim: int, stride: int) -> None:
        super().__init__()
        out_dim = self.expansion * dim
        self.conv1 = nn.Conv2d(in_dim, dim, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(dim)
        self.conv2 = nn.Conv2d(dim, dim, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(dim)
        self.conv3 = nn.Conv2d(dim, out_dim, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_dim)
        self.shortcut = shortcut(in_dim, out_dim, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + self.shortcut(x))


class ResNet(FbankEncoder):
    """A ResNet over the filterbank, seen as a picture.

    Args:
        sample_rate: Hz.
        channels: Width of the first stage.
        embed_dim: Width of the embedding.
        num_bins: Mel bins.
        pooling: How frames become one vector.
        window: Analysis window.
        waveform_scale: What samples in [-1, 1] are multiplied by first.

    Source:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016; widths, the depths of
        ResNet221 and ResNet293, and embedding layer as in WeSpeaker, whose module names these are.
    """

    block: ClassVar[Block]
    depths: ClassVar[tuple[int, int, int, int]]
    frame_step = 8

    def __init__(
        self,
        sample_rate: int,
        *,
        channels: int = 32,
        embed_dim: int = 256,
        num_bins: int = 80,
        pooling: PoolingName = "statistics",
        window: WindowName = "hamming",
        waveform_scale: float = 32768.0,
    ) -> None:
        check_sizes(channels=channels, embed_dim=embed_dim, num_bins=num_bins)
        super().__init__(sample_rate, num_bins, window, waveform_scale)
        self.embed_dim = embed_dim
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        expansion = self.block.expansion
        stages = residual_stages([self.block] * 4, self.depths, channels, expansion)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.frame_dim = 8 * channels * expansion * -(-num_bins // 8)
        self.pool = build_pooling(pooling, self.frame_dim)
        self.seg_1 = nn.Linear(self.pool.out_dim, embed_dim)

    def encode(self, features: Tensor) -> SpeakerCue:
        """The cue of features (batch, bins, frames); its frames are what is pooled."""
        x = torch.relu(self.bn1(self.conv1(features.unsqueeze(1))))
        frames = self.layer4(self.layer3(self.layer2(self.layer1(x)))).flatten(1, 2)
        return SpeakerCue(self.seg_1(self.pool(frames)), CueFrames(frames))


@SPEAKERS.register("resnet18")
class ResNet18(ResNet):
    """ResNet18: 2-2-2-2 basic blocks (4.1 M parameters at 32 channels)."""

    block = _BasicBlock
    depths = (2, 2, 2, 2)


@SPEAKERS.register("resnet34")
class ResNet34(ResNet):
    """ResNet34: 3-4-6-3 basic blocks (6.6 M parameters at 32 channels)."""

    block = _BasicBlock
    depths = (3, 4, 6, 3)


@SPEAKERS.register("resnet50")
class ResNet50(ResNet):
    """ResNet50: 3-4-6-3 bottleneck blocks (11.1 M parameters at 32 channels)."""

    block = _Bottleneck
    depths = (3, 4, 6, 3)


@SPEAKERS.register("resnet101")
class ResNet101(ResNet):
    """ResNet101: 3-4-23-3 bottleneck blocks (15.9 M parameters at 32 channels)."""

    block = _Bottleneck
    depths = (3, 4, 23, 3)


@SPEAKERS.register("resnet152")
class ResNet152(ResNet):
    """ResNet152: 3-8-36-3 bottleneck blocks (19.8 M parameters at 32 channels)."""

    block = _Bottleneck
    depths = (3, 8, 36, 3)


@SPEAKERS.register("resnet221")
class ResNet221(ResNet):
    """ResNet221: 6-16-48-3 bottleneck blocks (23.8 M parameters at 32 channels)."""

    block = _Bottleneck
    depths = (6, 16, 48, 3)


@SPEAKERS.register("resnet293")
class ResNet293(ResNet):
    """ResNet293: 10-20-64-3 bottleneck blocks (28.6 M parameters at 32 channels)."""

    block = _Bottleneck
    depths = (10, 20, 64, 3)
