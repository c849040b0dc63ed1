"""CAM++: a densely connected TDNN with context-aware masking."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wesep_like.audio.fbank import WindowName
from wesep_like.config.sections import check_sizes
from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.speakers.base import SPEAKERS, FbankEncoder
from wesep_like.models.speakers.pooling import PoolingName, build_pooling

_SEGMENT_FRAMES = 100


def _normalise_and_rectify(channels: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(channels), relu=nn.ReLU()))


class _ResidualConv(nn.Module):
    """Two 3 x 3 convolutions with a shortcut; the stride is along frequency only."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, (stride, 1), padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = (
            nn.Identity()
            if stride == 1
            else nn.Sequential(
                nn.Conv2d(channels, channels, 1, (stride, 1), bias=False),
                nn.BatchNorm2d(channels),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class _ConvHead(nn.Module):
    """Two-dimensional front end: (batch, bins, frames) -> (batch, out_dim, frames)."""

    def __init__(self, num_bins: int, channels: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.layer1 = nn.Sequential(_ResidualConv(channels, 2), _ResidualConv(channels, 1))
        self.layer2 = nn.Sequential(_ResidualConv(channels, 2), _ResidualConv(channels, 1))
        self.conv2 = nn.Conv2d(channels, channels, 3, (2, 1), padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.out_dim = channels * -(-num_bins // 8)

    def forward(self, features: Tensor) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(features.unsqueeze(1))))
        x = self.layer2(self.layer1(x))
        return torch.relu(self.bn2(self.conv2(x))).flatten(1, 2)


class _Tdnn(nn.Module):
    """The first time-delay layer; halves the number of frames."""

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(in_dim, out_dim, 5, stride=2, padding=2, bias=False)
        self.nonlinear = _normalise_and_rectify(out_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.nonlinear(self.linear(x))


class _ContextMask(nn.Module):
    """A convolution whose output is masked by the means of the segment and of the utterance."""

    def __init__(self, in_dim: int, out_dim: int, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(
            in_dim, out_dim, 3, padding=dilation, dilation=dilation, bias=False
        )
        self.linear1 = nn.Conv1d(in_dim, in_dim // 2, 1)
        self.linear2 = nn.Conv1d(in_dim // 2, out_dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        segments = F.avg_pool1d(x, _SEGMENT_FRAMES, _SEGMENT_FRAMES, ceil_mode=True)
        of_segment = segments.repeat_interleave(_SEGMENT_FRAMES, dim=-1)[..., : x.shape[-1]]
        context = torch.relu(self.linear1(x.mean(dim=-1, keepdim=True) + of_segment))
        return self.linear_local(x) * torch.sigmoid(self.linear2(context))


class _DenseLayer(nn.Module):
    def __init__(self, in_dim: int, growth: int, dilation: int) -> None:
        super().__init__()
        hidden = 4 * growth
        self.nonlinear1 = _normalise_and_rectify(in_dim)
        self.linear1 = nn.Conv1d(in_dim, hidden, 1, bias=False)
        self.nonlinear2 = _normalise_and_rectify(hidden)
        self.cam_layer = _ContextMask(hidden, growth, dilation)

    def forward(self, x: Tensor) -> Tensor:
        return self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(x))))


class _DenseBlock(nn.ModuleDict):
    """Every layer sees the outputs of all before it."""

    def __init__(self, num_layers: int, in_dim: int, growth: int, dilation: int) -> None:
        super().__init__(
            {
                f"tdnnd{number + 1}": _DenseLayer(in_dim + number * growth, growth, dilation)
                for number in range(num_layers)
            }
        )
        self.out_dim = in_dim + num_layers * growth

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.values():
            x = torch.cat([x, layer(x)], dim=1)
        return x


class _Transit(nn.Module):
    """Halves the channels between blocks."""

    def __init__(self, in_dim: int) -> None:
        super().__init__()
        self.nonlinear = _normalise_and_rectify(in_dim)
        self.linear = nn.Conv1d(in_dim, in_dim // 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.nonlinear(x))


class _Dense(nn.Module):
    """The embedding layer; its normalisation has no weights."""

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(in_dim, out_dim, 1, bias=False)
        self.nonlinear = nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(out_dim, affine=False)))

    def forward(self, x: Tensor) -> Tensor:
        return self.nonlinear(self.linear(x.unsqueeze(-1)).squeeze(-1))


@SPEAKERS.register("campplus")
class CAMPPlus(FbankEncoder):
    """CAM++ (7 M parameters); module names are those of the published checkpoints.

    Args:
        sample_rate: Hz.
        embed_dim: Width of the embedding.
        num_bins: Mel bins.
        pooling: How frames become one vector.
        window: Analysis window: WeSpeaker's models want `hamming`, 3D-Speaker's `povey`.
        waveform_scale: WeSpeaker's models want 32768, 3D-Speaker's 1.

    Source:
        Wang et al., "CAM++: A Fast and Efficient Network for Speaker Verification Using
        Context-Aware Masking", Interspeech 2023.
    """

    frame_step = 2

    def __init__(
        self,
        sample_rate: int,
        *,
        embed_dim: int = 192,
        num_bins: int = 80,
        pooling: PoolingName = "statistics",
        window: WindowName = "hamming",
        waveform_scale: float = 32768.0,
    ) -> None:
        check_sizes(embed_dim=embed_dim, num_bins=num_bins)
        super().__init__(sample_rate, num_bins, window, waveform_scale)
        self.embed_dim = embed_dim
        growth = 32
        self.head = _ConvHead(num_bins)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["tdnn"] = _Tdnn(self.head.out_dim, 128)
        channels = 128
        for number, (num_layers, dilation) in enumerate([(12, 1), (24, 2), (16, 2)], start=1):
            block = _DenseBlock(num_layers, channels, growth, dilation)
            layers[f"block{number}"] = block
            layers[f"transit{number}"] = _Transit(block.out_dim)
            channels = block.out_dim // 2
        self.frame_dim = channels
        layers["out_nonlinear"] = _normalise_and_rectify(channels)
        pool = build_pooling(pooling, channels)
        layers["stats"] = pool
        layers["dense"] = _Dense(pool.out_dim, embed_dim)
        self.xvector = nn.Sequential(layers)

    def encode(self, features: Tensor) -> SpeakerCue:
        """The cue of features (batch, bins, frames); its frames are what is pooled."""
        *frame_layers, pool, dense = self.xvector
        frames = self.head(features)
        for layer in frame_layers:
            frames = layer(frames)
        return SpeakerCue(dense(pool(frames)), CueFrames(frames))
