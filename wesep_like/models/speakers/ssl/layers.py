"""The states of all layers become one sequence of frames: (batch, channels, states, frames) in."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from wesep_like.errors import ConfigError

LayersName = Literal["weighted_sum", "attentive"]


class WeightedSum(nn.Module):
    """The mean of the states, each with a weight that is learnt.

    Source:
        Yang et al., "SUPERB: Speech Processing Universal PERformance Benchmark", Interspeech 2021.
    """

    def __init__(self, in_dim: int, num_states: int) -> None:
        super().__init__()
        self.out_dim = in_dim
        self.scores = nn.Parameter(torch.zeros(num_states))

    def forward(self, states: Tensor) -> Tensor:
        """(batch, channels, states, frames) -> (batch, channels, frames)."""
        return torch.einsum("bcsf,s->bcf", states, self.scores.softmax(dim=0))


class LayerAttentivePooling(nn.Module):
    """Each head weighs the states of each frame and takes the largest of each channel (LAP).

    Args:
        in_dim: Channels of the states; a multiple of `num_heads`.
        num_states: How many there are.
        out_dim: Channels of the frames.
        num_heads: Slices of the channels that weigh for themselves.
        dropout: How often a weight is zero in training.

    Source:
        Kim et al., "Rethinking Leveraging Pre-Trained Multi-Layer Representations for Speaker
        Verification", Interspeech 2025; the sizes are those of its large model. Deviation: the
        layer before the last normalisation has no bias, which that would take away.
    """

    def __init__(
        self,
        in_dim: int,
        num_states: int,
        *,
        out_dim: int = 512,
        num_heads: int = 16,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if in_dim % num_heads:
            raise ConfigError(
                f"layers: 'attentive' has {num_heads} heads, which cannot share the {in_dim} "
                "channels of the front-end. Expected 'weighted_sum'"
            )
        self.out_dim = out_dim
        self.num_heads = num_heads
        self.norm = nn.BatchNorm2d(in_dim)
        self.project = nn.Conv2d(in_dim, in_dim, 1)
        # A group is a head; its channels are the states.
        wide, narrow = num_heads * num_states, num_heads * max(1, num_states // 2)
        self.excite = nn.Sequential(
            nn.Conv1d(wide, narrow, 1, groups=num_heads),
            nn.ReLU(),
            nn.Conv1d(narrow, wide, 1, groups=num_heads),
        )
        self.dropout = nn.Dropout(dropout)
        self.conv = nn.Conv1d(in_dim, out_dim, 1, bias=False)
        self.bn = nn.BatchNorm1d(out_dim)

    def forward(self, states: Tensor) -> Tensor:
        """(batch, channels, states, frames) -> (batch, `out_dim`, frames)."""
        heads = self.project(self.norm(states)).unflatten(1, (self.num_heads, -1))
        seen = (heads.mean(dim=2), heads.amax(dim=2))  # (batch, heads, states, frames)
        scores = sum(self.excite(part.flatten(1, 2)) for part in seen)
        weights = self.dropout(torch.sigmoid(scores)).unflatten(1, (self.num_heads, 1, -1))
        largest = (heads * weights).amax(dim=3)
        return self.bn(self.conv(largest.flatten(1, 2)))


def build_layers(
    name: LayersName, in_dim: int, num_states: int
) -> WeightedSum | LayerAttentivePooling:
    """What makes frames of `out_dim` channels of the states.

    Raises:
        ConfigError: If it has heads that cannot share `in_dim` channels.
    """
    return (WeightedSum if name == "weighted_sum" else LayerAttentivePooling)(in_dim, num_states)
