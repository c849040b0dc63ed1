"""ReDimNet speaker encoder: pictures and sequences of the same features, turn by turn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from wesep_like.audio.fbank import WindowName
from wesep_like.config.sections import check_sizes
from wesep_like.errors import ConfigError
from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.speakers.base import SPEAKERS, FbankEncoder
from wesep_like.models.speakers.pooling import PoolingName, build_pooling
from wesep_like.models.speakers.redimnet_blocks import (
    ChannelNorm,
    ConvNeXtBlock,
    ResidualBlock,
    TimeContext,
    build_squeeze,
)

SizeName = Literal["B0", "B1", "B2", "B3", "B4", "B5", "B6"]


@dataclass(frozen=True)
class _Stage:
    """A stage: a picture for its blocks, then a sequence for its time context.

    Attributes:
        stride: How many times fewer bins, and more channels, it has than the stage before.
        depth: Number of blocks.
        widening: How many times more channels its blocks have than the picture between stages.
        reduction: How many times fewer channels the time context has than the sequence; None for
            a stage without one.
    """

    stride: int
    depth: int
    widening: int
    reduction: int | None


@dataclass(frozen=True)
class _Size:
    """A published size.

    Attributes:
        channels: Of the first picture.
        block: What stands in its stages; a residual block may weigh frequencies.
        group_dim: Channels in a group of the blocks' convolutions.
        stages: From the first to the last.
        num_bins: Mel bins.
    """

    channels: int
    block: Literal["convnext", "residual", "residual_weighed"]
    group_dim: int
    stages: tuple[_Stage, ...]
    num_bins: int = 72

    @property
    def stride(self) -> int:
        """How many bins become one in the last stage."""
        return math.prod(stage.stride for stage in self.stages)


def _stages(*sizes: tuple[int, int, int, int | None]) -> tuple[_Stage, ...]:
    return tuple(_Stage(*size) for size in sizes)


_LARGE = _stages((1, 4, 2, 48), (2, 4, 2, 48), (1, 6, 2, 48), (2, 6, 1, 32), (1, 8, 1, 24))
_LARGE += _stages((2, 4, 1, 16))
_SIZES: dict[SizeName, _Size] = {
    "B0": _Size(
        10,
        "residual",
        1,
        _stages((1, 2, 1, 30), (2, 3, 2, 30), (1, 3, 3, 30), (2, 4, 2, 10), (1, 3, 1, 10)),
        num_bins=60,
    ),
    "B1": _Size(
        12,
        "convnext",
        8,
        _stages((1, 2, 1, None), (2, 3, 1, None), (3, 4, 1, 12), (2, 5, 1, 12), (2, 3, 1, 8)),
    ),
    "B2": _Size(
        16,
        "convnext",
        4,
        _stages((1, 2, 1, 12), (2, 2, 1, 12), (1, 3, 1, 12), (2, 4, 1, 8), (1, 4, 1, 8))
        + _stages((2, 4, 1, 4)),
    ),
    "B3": _Size(
        16,
        "residual_weighed",
        1,
        _stages((1, 6, 4, 32), (2, 6, 2, 32), (1, 8, 2, 32), (2, 10, 2, 16), (1, 10, 1, 16))
        + _stages((2, 8, 1, 16)),
    ),
    "B4": _Size(32, "residual_weighed", 1, _LARGE),
    "B5": _Size(32, "residual_weighed", 16, _LARGE),
    "B6": _Size(
        32,
        "residual",
        32,
        _stages((1, 4, 4, 32), (2, 6, 2, 32), (1, 6, 2, 24), (3, 8, 1, 24), (1, 8, 1, 16))
        + _stages((2, 8, 1, 16)),
    ),
}


class _InputWeights(nn.Module):
    """For each stage, and for what follows the last, what it takes of all sequences before it.

    They are called by their numbers. The first stage has one to choose from: its weight is no
    parameter, but published files have it.
    """

    def __init__(self, num_stages: int, width: int) -> None:
        super().__init__()
        self.register_buffer("0", torch.ones(1, 1, 1, 1))
        for number in range(1, num_stages + 1):
            weights = nn.Parameter(torch.zeros(1, number + 1, width, 1))
            self.register_parameter(str(number), weights)

    def forward(self, sequences: list[Tensor]) -> Tensor:
        """Sequences (batch, width, frames), one or more -> their weighted sum."""
        if len(sequences) == 1:
            return sequences[0]
        weights = getattr(self, str(len(sequences) - 1)).softmax(dim=1)
        # One after another: a stack of all would take their memory once more.
        total = weights[:, 0] * sequences[0]
        for number, sequence in enumerate(sequences[1:], start=1):
            total = total + weights[:, number] * sequence
        return total


def _as_sequence(picture: Tensor) -> Tensor:
    """(batch, channels, bins, frames) -> (batch, bins channels, frames)."""
    return picture.transpose(1, 2).flatten(1, 2)


def _as_picture(sequence: Tensor, channels: int) -> Tensor:
    """(batch, bins channels, frames) -> (batch, channels, bins, frames)."""
    return sequence.unflatten(1, (-1, channels)).transpose(1, 2)


class _AsSequence(nn.Module):
    def forward(self, picture: Tensor) -> Tensor:
        return _as_sequence(picture)


class _Backbone(nn.Module):
    def __init__(self, size: _Size, num_bins: int) -> None:
        super().__init__()
        channels, bins = size.channels, num_bins
        width = channels * bins
        self.inputs_weights = _InputWeights(len(size.stages), width)
        self.stem = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), ChannelNorm(channels))
        self._channels: list[int] = []
        for number, stage in enumerate(size.stages):
            self._channels.append(channels)
            kernel = (stage.stride, 1)
            bins //= stage.stride
            narrow = stage.stride * channels
            wide = narrow * stage.widening
            layers: list[nn.Module] = [nn.Conv2d(channels, wide, kernel, stride=kernel)]
            for _ in range(stage.depth):
                layers.append(_Block(size, wide, bins))
            if stage.widening > 1:
                layers.append(build_squeeze(wide, narrow, size.group_dim))
            layers.append(_AsSequence())
            if stage.reduction is not None:
                layers.append(TimeContext(width, width // stage.reduction))
            self.add_module(f"stage{number}", nn.Sequential(*layers))
            channels = narrow

    def forward(self, features: Tensor) -> Tensor:
        """(batch, bins, frames) -> (batch, width, frames)."""
        sequences = [_as_sequence(self.stem(features.unsqueeze(1)))]
        for number, channels in enumerate(self._channels):
            picture = _as_picture(self.inputs_weights(sequences), channels)
            sequences.append(self.get_submodule(f"stage{number}")(picture))
        return self.inputs_weights(sequences)


class _Block(nn.Module):
    def __init__(self, size: _Size, channels: int, bins: int) -> None:
        super().__init__()
        self.conv_block = (
            ConvNeXtBlock(channels, 3, size.group_dim, is_picture=True)
            if size.block == "convnext"
            else ResidualBlock(
                channels,
                size.group_dim,
                weighed_bins=bins if size.block == "residual_weighed" else None,
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_block(x)


@SPEAKERS.register("redimnet")
class ReDimNet(FbankEncoder):
    """ReDimNet (B0 1.0 M, B1 2.1 M, B2 4.9 M, B3 3.2 M, B4 6.4 M, B5 7.7 M, B6 15.0 M parameters).

    Module names are WeSpeaker's.

    Args:
        sample_rate: Hz.
        size: As published, `B0` to `B6`.
        embed_dim: Width of the embedding.
        num_bins: Mel bins, a multiple of the stages' strides (4 of B0, 24 of B1, 12 of B6, 8 of the
            others); None for as many as published, 60 in B0 and 72 in the others.
        pooling: How frames become one vector.
        window: Analysis window.
        waveform_scale: What samples in [-1, 1] are multiplied by first.

    Source:
        Yakovlev et al., "Reshape Dimensions Network for Speaker Recognition", Interspeech 2024;
        blocks, sizes and filterbank as in WeSpeaker. Deviation: at other bins than published, the
        time context is rounded down to whole attention heads.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        size: SizeName = "B2",
        embed_dim: int = 192,
        num_bins: int | None = None,
        pooling: PoolingName = "attentive",
        window: WindowName = "hamming",
        waveform_scale: float = 32768.0,
    ) -> None:
        check_sizes(embed_dim=embed_dim, num_bins=num_bins)
        published = _SIZES[size]
        num_bins = num_bins or published.num_bins
        if num_bins % published.stride:
            raise ConfigError(
                f"num_bins: expected a multiple of {published.stride} for size {size}, "
                f"got {num_bins}"
            )
        super().__init__(sample_rate, num_bins, window, waveform_scale)
        self.embed_dim = embed_dim
        self.frame_dim = published.channels * num_bins
        self.backbone = _Backbone(published, num_bins)
        self.pool = build_pooling(pooling, self.frame_dim)
        self.seg_1 = nn.Linear(self.pool.out_dim, embed_dim)

    def encode(self, features: Tensor) -> SpeakerCue:
        """The cue of features (batch, bins, frames); its frames are what is pooled."""
        frames = self.backbone(features)
        return SpeakerCue(self.seg_1(self.pool(frames)), CueFrames(frames))
