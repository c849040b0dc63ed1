"""ECAPA-TDNN speaker encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wesep_like.audio.fbank import WindowName
from wesep_like.config.sections import check_sizes
from wesep_like.errors import ConfigError
from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.speakers.base import SPEAKERS, FbankEncoder
from wesep_like.models.speakers.pooling import PoolingName, build_pooling


class _ConvReluNorm(nn.Module):
    def __init__(self, in_dim: int, out_dim: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_dim, out_dim, kernel, padding=kernel // 2)
        self.bn = nn.BatchNorm1d(out_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(torch.relu(self.conv(x)))


class _Res2Conv(nn.Module):
    """Dilated convolutions on slices of the channels, each slice adding to the next."""

    def __init__(self, channels: int, dilation: int, scale: int) -> None:
        super().__init__()
        self.width = channels // scale
        self.convs = nn.ModuleList(
            nn.Conv1d(self.width, self.width, 3, padding=dilation, dilation=dilation)
            for _ in range(scale - 1)
        )
        self.bns = nn.ModuleList(nn.BatchNorm1d(self.width) for _ in range(scale - 1))

    def forward(self, x: Tensor) -> Tensor:
        *slices, last = x.split(self.width, dim=1)
        done: list[Tensor] = []
        for conv, bn, piece in zip(self.convs, self.bns, slices, strict=True):
            done.append(bn(torch.relu(conv(piece + done[-1] if done else piece))))
        return torch.cat([*done, last], dim=1)


class _SqueezeExcite(nn.Module):
    def __init__(self, channels: int, bottleneck: int = 128) -> None:
        super().__init__()
        self.linear1 = nn.Linear(channels, bottleneck)
        self.linear2 = nn.Linear(bottleneck, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.linear2(torch.relu(self.linear1(x.mean(dim=-1)))))
        return x * gate.unsqueeze(-1)


class _SERes2Block(nn.Module):
    def __init__(self, channels: int, dilation: int, scale: int) -> None:
        super().__init__()
        self.se_res2block = nn.Sequential(
            _ConvReluNorm(channels, channels, 1),
            _Res2Conv(channels, dilation, scale),
            _ConvReluNorm(channels, channels, 1),
            _SqueezeExcite(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.se_res2block(x)


class EcapaNetwork(nn.Module):
    """The layers of ECAPA-TDNN behind its features, whatever these are.

    A speaker module derives from it beside its base class and adds them to its own layers: so they
    keep the names of WeSpeaker's checkpoints.
    """

    def add_layers(
        self, in_dim: int, channels: int, embed_dim: int, pooling: PoolingName, embed_norm: bool
    ) -> None:
        """From now on it has the layers for features of `in_dim` channels.

        Raises:
            ConfigError: If the slices of `channels` would not be of equal width.
        """
        if channels % 8:
            raise ConfigError(f"channels: expected a multiple of 8, got {channels}")
        self.layer1 = _ConvReluNorm(in_dim, channels, 5)
        self.layer2 = _SERes2Block(channels, dilation=2, scale=8)
        self.layer3 = _SERes2Block(channels, dilation=3, scale=8)
        self.layer4 = _SERes2Block(channels, dilation=4, scale=8)
        self.conv = nn.Conv1d(3 * channels, 1536, 1)
        self.pool = build_pooling(pooling, 1536)
        self.bn = nn.BatchNorm1d(self.pool.out_dim)
        self.linear = nn.Linear(self.pool.out_dim, embed_dim)
        self.bn2 = nn.BatchNorm1d(embed_dim) if embed_norm else nn.Identity()

    def encode(self, features: Tensor) -> SpeakerCue:
        """The cue of features (batch, channels, frames); its frames are those of the last block."""
        second = self.layer2(self.layer1(features))
        third = self.layer3(second)
        fourth = self.layer4(third)
        frames = torch.relu(self.conv(torch.cat([second, third, fourth], dim=1)))
        embedding = self.bn2(self.linear(self.bn(self.pool(frames))))
        return SpeakerCue(embedding, CueFrames(fourth))


@SPEAKERS.register("ecapa_tdnn")
class EcapaTDNN(EcapaNetwork, FbankEncoder):
    """ECAPA-TDNN; module names are WeSpeaker's.

    It has 6.2 M parameters at 512 channels, 14.7 M at 1024. WeSpeaker's models whose names have
    "GLOB" pool with `attentive`, the others with `attentive_local`.

    Args:
        sample_rate: Hz.
        channels: Width of the frame layers; a multiple of 8.
        embed_dim: Width of the embedding.
        num_bins: Mel bins.
        pooling: How frames become one vector.
        embed_norm: Put a BatchNorm behind the embedding; WeSpeaker does where no labels are learnt.
        window: Analysis window.
        waveform_scale: What samples in [-1, 1] are multiplied by first.

    Source:
        Desplanques et al., "ECAPA-TDNN", Interspeech 2020. Deviation, as in WeSpeaker: each block
        sees the block before it, not the sum of all before it.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        channels: int = 512,
        embed_dim: int = 192,
        num_bins: int = 80,
        pooling: PoolingName = "attentive",
        embed_norm: bool = False,
        window: WindowName = "hamming",
        waveform_scale: float = 32768.0,
    ) -> None:
        check_sizes(channels=channels, embed_dim=embed_dim, num_bins=num_bins)
        super().__init__(sample_rate, num_bins, window, waveform_scale)
        self.embed_dim = embed_dim
        self.frame_dim = channels
        self.add_layers(num_bins, channels, embed_dim, pooling, embed_norm)
