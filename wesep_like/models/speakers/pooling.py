"""Pooling: frames of any number become one vector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

PoolingName = Literal["statistics", "attentive", "self_attentive"]

# Keeps the gradient of the square root finite; the published value.
VARIANCE_FLOOR = 1e-7


class StatisticsPooling(nn.Module):
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
    """Mean and standard deviation of frames that count by the softmax of their scores."""
    weights = torch.softmax(scores, dim=-1)
    mean = (weights * frames).sum(dim=-1)
    variance = (weights * frames.square()).sum(dim=-1) - mean.square()
    return torch.cat([mean, torch.sqrt(variance.clamp(min=variance_floor))], dim=1)


class AttentivePooling(nn.Module):
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


class SelfAttentivePooling(nn.Module):
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


Pooling: TypeAlias = StatisticsPooling | AttentivePooling | SelfAttentivePooling
_POOLINGS: dict[PoolingName, Callable[[int], Pooling]] = {
    "statistics": StatisticsPooling,
    "attentive": AttentivePooling,
    "self_attentive": SelfAttentivePooling,
}


def build_pooling(name: PoolingName, in_dim: int) -> Pooling:
    """The pooling called `name`; its width is `out_dim`."""
    return _POOLINGS[name](in_dim)
