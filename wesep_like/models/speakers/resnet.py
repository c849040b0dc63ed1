"""ResNet speaker encoders."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wesep_like.audio.fbank import WindowName
from wesep_like.config.sections import check_sizes
from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.speakers.base import SPEAKERS, FbankEncoder
from wesep_like.models.speakers.pooling import PoolingName, build_pooling


class _BasicBlock(nn.Module):
    def __init__(self, in_dim: int, out_dim: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_dim, out_dim, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_dim)
        self.conv2 = nn.Conv2d(out_dim, out_dim, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_dim)
        self.shortcut = (
            nn.Identity()
            if stride == 1 and in_dim == out_dim
            else nn.Sequential(
                nn.Conv2d(in_dim, out_dim, 1, stride, bias=False), nn.BatchNorm2d(out_dim)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class _ResNet(FbankEncoder):
    """A ResNet of basic blocks over the filterbank, seen as a picture.

    Source:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016; widths and embedding
        layer as in WeSpeaker, whose module names these are.
    """

    frame_step = 8

    def __init__(
        self,
        sample_rate: int,
        depths: tuple[int, ...],
        channels: int,
        embed_dim: int,
        num_bins: int,
        pooling: PoolingName,
        window: WindowName,
        waveform_scale: float,
    ) -> None:
        check_sizes(channels=channels, embed_dim=embed_dim, num_bins=num_bins)
        super().__init__(sample_rate, num_bins, window, waveform_scale)
        self.embed_dim = embed_dim
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        in_dim = channels
        bins = num_bins
        stages = []
        for number, depth in enumerate(depths):
            out_dim = channels * 2**number
            stride = 1 if number == 0 else 2
            blocks = [_BasicBlock(in_dim, out_dim, stride)]
            blocks += [_BasicBlock(out_dim, out_dim, 1) for _ in range(depth - 1)]
            stages.append(nn.Sequential(*blocks))
            in_dim = out_dim
            bins = -(-bins // stride)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.frame_dim = in_dim * bins
        self.pool = build_pooling(pooling, self.frame_dim)
        self.seg_1 = nn.Linear(self.pool.out_dim, embed_dim)

    def encode(self, features: Tensor) -> SpeakerCue:
        """The cue of features (batch, bins, frames); its frames are what is pooled."""
        x = torch.relu(self.bn1(self.conv1(features.unsqueeze(1))))
        frames = self.layer4(self.layer3(self.layer2(self.layer1(x)))).flatten(1, 2)
        return SpeakerCue(self.seg_1(self.pool(frames)), CueFrames(frames))


@SPEAKERS.register("resnet18")
class ResNet18(_ResNet):
    """ResNet18: 2-2-2-2 basic blocks (4.1 M parameters at 32 channels)."""

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
        super().__init__(
            sample_rate,
            (2, 2, 2, 2),
            channels,
            embed_dim,
            num_bins,
            pooling,
            window,
            waveform_scale,
        )


@SPEAKERS.register("resnet34")
class ResNet34(_ResNet):
    """ResNet34: 3-4-6-3 basic blocks (6.6 M parameters at 32 channels)."""

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
        super().__init__(
            sample_rate,
            (3, 4, 6, 3),
            channels,
            embed_dim,
            num_bins,
            pooling,
            window,
            waveform_scale,
        )
