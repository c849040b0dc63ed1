"""SimAM-ResNet speaker encoders: attention without parameters in every block."""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar

import torch
from torch import Tensor, nn

from wesep_like.audio.fbank import WindowName
from wesep_like.config.sections import check_sizes
from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.speakers.base import SPEAKERS, FbankEncoder
from wesep_like.models.speakers.pooling import PoolingName, build_pooling
from wesep_like.models.speakers.resnet import residual_stages, shortcut

_LAMBDA = 1e-4  # of the paper


def stressed(x: Tensor) -> Tensor:
    """Each place of a channel (batch, channels, bins, frames), weighted by how it stands out."""
    variance, mean = torch.var_mean(x, dim=(2, 3), keepdim=True)
    return x * torch.sigmoid((x - mean).square() / (4 * (variance + _LAMBDA)) + 0.5)


class _SimAMBlock(nn.Module):
    def __init__(self, in_dim: int, dim: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_dim, dim, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(dim)
        self.conv2 = nn.Conv2d(dim, dim, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(dim)
        self.downsample = shortcut(in_dim, dim, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(stressed(self.bn2(self.conv2(y))) + self.downsample(x))


class _SimAMResNet(FbankEncoder):
    """A ResNet whose blocks stress what stands out of a channel.

    Args:
        sample_rate: Hz.
        channels: Width of the first stage.
        embed_dim: Width of the embedding.
        num_bins: Mel bins.
        pooling: How frames become one vector.
        window: Analysis window.
        waveform_scale: What samples in [-1, 1] are multiplied by first.

    Source:
        Qin et al., "Simple Attention Module Based Speaker Verification with Iterative Noisy Label
        Detection", ICASSP 2022, with the attention of Yang et al., "SimAM", ICML 2021; module names
        are those of WeSpeaker's checkpoints, trained on VoxBlink2.
    """

    depths: ClassVar[tuple[int, int, int, int]]
    frame_step = 8

    def __init__(
        self,
        sample_rate: int,
        *,
        channels: int = 64,
        embed_dim: int = 256,
        num_bins: int = 80,
        pooling: PoolingName = "self_attentive",
        window: WindowName = "hamming",
        waveform_scale: float = 32768.0,
    ) -> None:
        check_sizes(channels=channels, embed_dim=embed_dim, num_bins=num_bins)
        super().__init__(sample_rate, num_bins, window, waveform_scale)
        self.embed_dim = embed_dim
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["conv1"] = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        layers["bn1"] = nn.BatchNorm2d(channels)
        layers["relu"] = nn.ReLU()
        stages = residual_stages([_SimAMBlock] * 4, self.depths, channels)
        layers.update((f"layer{number}", stage) for number, stage in enumerate(stages, start=1))
        self.front = nn.Sequential(layers)
        self.frame_dim = 8 * channels * -(-num_bins // 8)
        self.pooling = build_pooling(pooling, self.frame_dim)
        self.bottleneck = nn.Linear(self.pooling.out_dim, embed_dim)

    def encode(self, features: Tensor) -> SpeakerCue:
        """The cue of features (batch, bins, frames); its frames are what is pooled."""
        frames = self.front(features.unsqueeze(1)).flatten(1, 2)
        return SpeakerCue(self.bottleneck(self.pooling(frames)), CueFrames(frames))


@SPEAKERS.register("simam_resnet34")
class SimAMResNet34(_SimAMResNet):
    """SimAM-ResNet34: 3-4-6-3 blocks (25.2 M parameters at 64 channels)."""

    depths = (3, 4, 6, 3)


@SPEAKERS.register("simam_resnet100")
class SimAMResNet100(_SimAMResNet):
    """SimAM-ResNet100: 6-16-24-3 blocks (50.2 M parameters at 64 channels)."""

    depths = (6, 16, 24, 3)
