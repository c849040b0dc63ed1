"""Pooling: frames of any number become one vector.

Each takes frames (batch, channels, frames), at least two, and gives (batch, `out_dim`). Module
names are those of WeSpeaker's checkpoints.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from wesep_like.errors import ConfigError

PoolingName = Literal[
    "average",
    "deviation",
    "statistics",
    "attentive",
    "attentive_local",
    "self_attentive",
    "multi_head_attentive",
    "multi_query_attentive",
]

# Keeps the gradient of the square root finite; the published value.
VARIANCE_FLOOR = 1e-7


class Pooling(nn.Module, ABC):
    """Frames of any number become one vector.

    Attributes:
        out_dim: Width of the vector.
    """

    out_dim: int

    @abstractmethod
    def forward(self, frames: Tensor) -> Tensor:
        """(batch, channels, frames), at least two frames -> (batch, `out_dim`)."""


class AveragePooling(Pooling):
    """Mean over time (TAP)."""

    def __init__(self, in_dim: int) -> None:
        super().__init__()
        self.out_dim = in_dim

    def forward(self, frames: Tensor) -> Tensor:
        """(batch, channels, frames) -> (batch, channels)."""
        return frames.mean(dim=-1)


class DeviationPooling(Pooling):
    """Standard deviation over time, without the mean (TSDP).

    Source:
        Wang et al., "Revisiting the Statistics Pooling Layer in Deep Speaker Embedding Learning",
        ISCSLP 2021; WeSpeaker's unbiased variance.
    """

    def __init__(self, in_dim: int) -> None:
        super().__init__()
        self.out_dim = in_dim

    def forward(self, frames: Tensor) -> Tensor:
        """(batch, channels, frames), at least two frames -> (batch, channels)."""
        return torch.sqrt(frames.var(dim=-1) + VARIANCE_FLOOR)


class StatisticsPooling(Pooling):
    """Mean and standard deviation over time (TSTP).

    Source:
        Snyder et al., "X-Vectors", ICASSP 2018; WeSpeaker's unbiased variance.
    """

    def __init__(self, in_dim: int) -> None:
        super().__init__()
        self.out_dim = 2 * in_dim

    def forward(self, frames: Tensor) -> Tensor:
        """(batch, channels, frames), at least two frames -> (batch, 2 channels)."""
        variance, mean = torch.var_mean(frames, dim=-1)
        return torch.cat([mean, torch.sqrt(variance + VARIANCE_FLOOR)], dim=1)


def _weighted_statistics(
    frames: Tensor, scores: Tensor, variance_floor: float = VARIANCE_FLOOR
) -> Tensor:
    """Mean and standard deviation of frames that count by the softmax of their scores.

    Args:
        frames: (batch, channels, frames).
        scores: Of the same shape, or one for all channels (batch, 1, frames).
        variance_floor: The least variance.

    Returns:
        (batch, 2 channels), means first.
    """
    weights = torch.softmax(scores, dim=-1)
    mean = (weights * frames).sum(dim=-1)
    variance = (weights * frames.square()).sum(dim=-1) - mean.square()
    return torch.cat([mean, torch.sqrt(variance.clamp(min=variance_floor))], dim=1)


class AttentivePooling(Pooling):
    """Mean and standard deviation weighted by attention, for each channel its own (ASTP).

    Args:
        in_dim: Channels.
        bottleneck_dim: Width of the attention's hidden layer.
        global_context: Let the attention see mean and deviation of the whole utterance too.

    Source:
        Desplanques et al., "ECAPA-TDNN", Interspeech 2020, section 3.1.
    """

    def __init__(
        self, in_dim: int, *, bottleneck_dim: int = 128, global_context: bool = True
    ) -> None:
        super().__init__()
        self.out_dim = 2 * in_dim
        self.global_context = global_context
        self.linear1 = nn.Conv1d(3 * in_dim if global_context else in_dim, bottleneck_dim, 1)
        self.linear2 = nn.Conv1d(bottleneck_dim, in_dim, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """(batch, channels, frames), at least two frames -> (batch, 2 channels)."""
        seen = frames
        if self.global_context:
            variance, mean = torch.var_mean(frames, dim=-1, keepdim=True)
            deviation = torch.sqrt(variance + VARIANCE_FLOOR)
            seen = torch.cat([frames, mean.expand_as(frames), deviation.expand_as(frames)], dim=1)
        return _weighted_statistics(frames, self.linear2(torch.tanh(self.linear1(seen))))


class SelfAttentivePooling(Pooling):
    """Mean and standard deviation weighted by attention with a BatchNorm inside it (ASP).

    Args:
        in_dim: Channels.
        bottleneck_dim: Width of the attention's hidden layer.

    Source:
        Qin et al., "Simple Attention Module Based Speaker Verification with Iterative Noisy Label
        Detection", ICASSP 2022, as in WeSpeaker.
    """

    _VARIANCE_FLOOR = 1e-5  # the published value, a hundred times that of the others

    def __init__(self, in_dim: int, *, bottleneck_dim: int = 128) -> None:
        super().__init__()
        self.out_dim = 2 * in_dim
        self.attention = nn.Sequential(
            nn.Conv1d(in_dim, bottleneck_dim, 1),
            nn.ReLU(),
            nn.BatchNorm1d(bottleneck_dim),
            nn.Conv1d(bottleneck_dim, in_dim, 1),
        )

    def forward(self, frames: Tensor) -> Tensor:
        """(batch, channels, frames) -> (batch, 2 channels)."""
        return _weighted_statistics(frames, self.attention(frames), self._VARIANCE_FLOOR)


class MultiHeadAttentivePooling(Pooling):
    """Mean and standard deviation of slices of the channels, each with its attention (MHASTP).

    Args:
        in_dim: Channels; a multiple of `num_heads`.
        num_heads: Slices.
        bottleneck_dim: Width of the attention's hidden layer.
        is_per_channel: Whether each channel of a slice has weights of its own, or all have the
            same.

    Source:
        India et al., "Self Multi-Head Attention for Speaker Recognition", Interspeech 2019; two
        layers and standard deviations as in WeSpeaker.
    """

    def __init__(
        self,
        in_dim: int,
        *,
        num_heads: int = 2,
        bottleneck_dim: int = 64,
        is_per_channel: bool = False,
    ) -> None:
        super().__init__()
        if in_dim % num_heads:
            raise ConfigError(
                f"pooling: expected one without heads for frames of {in_dim} channels, which "
                f"{num_heads} heads cannot share"
            )
        self.out_dim = 2 * in_dim
        head_dim = in_dim // num_heads
        self.heads_att_trans = nn.ModuleList(
            nn.Sequential(
                OrderedDict(
                    att_0=nn.Conv1d(head_dim, bottleneck_dim, 1),
                    tanh0=nn.Tanh(),
                    att_1=nn.Conv1d(bottleneck_dim, head_dim if is_per_channel else 1, 1),
                )
            )
            for _ in range(num_heads)
        )

    def forward(self, frames: Tensor) -> Tensor:
        """(batch, channels, frames) -> (batch, 2 channels): means, deviations, head by head."""
        slices = frames.chunk(len(self.heads_att_trans), dim=1)
        pooled = [
            _weighted_statistics(piece, attention(piece))
            for piece, attention in zip(slices, self.heads_att_trans, strict=True)
        ]
        return torch.cat(pooled, dim=1)


class MultiQueryAttentivePooling(Pooling):
    """Several multi-head attentive poolings of the same frames, one after another (MQMHASTP).

    Args:
        in_dim: Channels; a multiple of `num_heads`.
        num_queries: How many poolings.
        num_heads: Slices of the channels in each.
        bottleneck_dim: Width of the attentions' hidden layers.

    Source:
        Zhao et al., "Multi-Query Multi-Head Attention Pooling and Inter-Topk Penalty for Speaker
        Verification", ICASSP 2022; sizes as in WeSpeaker.
    """

    def __init__(
        self, in_dim: int, *, num_queries: int = 2, num_heads: int = 8, bottleneck_dim: int = 64
    ) -> None:
        super().__init__()
        self.out_dim = 2 * in_dim * num_queries
        self.n_query = nn.ModuleList(
            MultiHeadAttentivePooling(
                in_dim, num_heads=num_heads, bottleneck_dim=bottleneck_dim, is_per_channel=True
            )
            for _ in range(num_queries)
        )

    def forward(self, frames: Tensor) -> Tensor:
        """(batch, channels, frames) -> (batch, 2 channels queries), query by query."""
        return torch.cat([pool(frames) for pool in self.n_query], dim=1)


_POOLINGS: dict[PoolingName, Callable[[int], Pooling]] = {
    "average": AveragePooling,
    "deviation": DeviationPooling,
    "statistics": StatisticsPooling,
    "attentive": AttentivePooling,
    "attentive_local": partial(AttentivePooling, global_context=False),
    "self_attentive": SelfAttentivePooling,
    "multi_head_attentive": MultiHeadAttentivePooling,
    "multi_query_attentive": MultiQueryAttentivePooling,
}


def build_pooling(name: PoolingName, in_dim: int) -> Pooling:
    """The pooling called `name`; its width is `out_dim`.

    Raises:
        ConfigError: If it has heads that cannot share `in_dim` channels.
    """
    return _POOLINGS[name](in_dim)
