"""Gemini DF-ResNet speaker encoders: deep and narrow, and frequency is thinned before time."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from wesep_like.audio.fbank import WindowName
from wesep_like.config.sections import check_sizes
from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.speakers.base import SPEAKERS, FbankEncoder
from wesep_like.models.speakers.pooling import PoolingName, build_pooling


class _InvertedBottleneck(nn.Module):
    """Four times as wide within, where each channel is convolved by itself."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        hidden = 4 * dim
        self.conv1 = nn.Conv2d(dim, hidden, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.conv2 = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden, bias=False)
        self.bn2 = nn.BatchNorm2d(hidden)
        self.conv3 = nn.Conv2d(hidden, dim, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(dim)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + x)


def _conv_norm(in_dim: int, out_dim: int, stride: tuple[int, int]) -> list[nn.Module]:
    return [
        nn.Conv2d(in_dim, out_dim, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(out_dim),
    ]


class _GeminiDFResNet(FbankEncoder):
    """A DF-ResNet with the strides of Golden Gemini (T14c): bins by 16, frames by 2.

    Args:
        sample_rate: Hz.
        channels: Width of the first stage.
        embed_dim: Width of the embedding.
        num_bins: Mel bins.
        pooling: How frames become one vector.
        window: Analysis window.
        waveform_scale: What samples in [-1, 1] are multiplied by first.

    Source:
        Liu et al., "Golden Gemini Is All You Need: Finding the Sweet Spots for Speaker
        Verification", TASLP 2024; blocks of Liu et al., "DF-ResNet", Interspeech 2022. Module names
        are those of WeSpeaker's checkpoints.
    """

    depths: ClassVar[tuple[int, int, int, int]]
    frame_step = 2

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
        dims = [channels, 2 * channels, 4 * channels, 8 * channels]
        # The stem, then what stands before each stage.
        self.downsample_layers = nn.ModuleList(
            [nn.Sequential(*_conv_norm(1, channels, (1, 1)), nn.ReLU())]
        )
        in_dim = channels
        for dim, stride in zip(dims, [(2, 1), (2, 2), (2, 1), (2, 1)], strict=True):
            self.downsample_layers.append(nn.Sequential(*_conv_norm(in_dim, dim, stride)))
            in_dim = dim
        self.stages = nn.ModuleList(
            nn.Sequential(*(_InvertedBottleneck(dim) for _ in range(depth)))
            for dim, depth in zip(dims, self.depths, strict=True)
        )
        self.frame_dim = in_dim * -(-num_bins // 16)
        self.pool = build_pooling(pooling, self.frame_dim)
        self.seg_1 = nn.Linear(self.pool.out_dim, embed_dim)

    def encode(self, features: Tensor) -> SpeakerCue:
        """The cue of features (batch, bins, frames); its frames are what is pooled."""
        stem, *downsamplings = self.downsample_layers
        x = stem(features.unsqueeze(1))
        for downsample, stage in zip(downsamplings, self.stages, strict=True):
            x = stage(downsample(x))
        frames = x.flatten(1, 2)
        return SpeakerCue(self.seg_1(self.pool(frames)), CueFrames(frames))


@SPEAKERS.register("gemini_dfresnet60")
class GeminiDFResNet60(_GeminiDFResNet):
    """Gemini DF-ResNet60: 3-3-9-3 blocks (4.0 M parameters at 32 channels)."""

    depths = (3, 3, 9, 3)


@SPEAKERS.register("gemini_dfresnet114")
class GeminiDFResNet114(_GeminiDFResNet):
    """Gemini DF-ResNet114: 3-3-27-3 blocks (6.5 M parameters at 32 channels)."""

    depths = (3, 3, 27, 3)


@SPEAKERS.register("gemini_dfresnet183")
class GeminiDFResNet183(_GeminiDFResNet):
    """Gemini DF-ResNet183: 3-8-45-3 blocks (9.2 M parameters at 32 channels)."""

    depths = (3, 8, 45, 3)


@SPEAKERS.register("gemini_dfresnet237")
class GeminiDFResNet237(_GeminiDFResNet):
    """Gemini DF-ResNet237: 3-8-63-3 blocks (11.7 M parameters at 32 channels)."""

    depths = (3, 8, 63, 3)
