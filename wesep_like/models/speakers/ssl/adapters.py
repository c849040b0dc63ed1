"""Few weights that learn inside a model whose own stay as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

# What the libraries call the same things.
_ATTENTION = ("attention", "self_attn")
_FEED_FORWARD = ("feed_forward", "ffn2")
_PROJECTIONS = (("q_proj", "v_proj"), ("linear_q", "linear_v"))


class LowRankChange(nn.Module):
    """A weight plus the product of two narrow matrices, which is zero at first (LoRA).

    Args:
        weight: What is changed, (rows, columns).
        rank: Width of the matrices.
        alpha: Scale of the change, times `rank`.
        blocks: Whether each of so many blocks of rows, of equal height, is changed.

    Source:
        Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022, section 4.1.
    """

    def __init__(
        self, weight: Tensor, rank: int, alpha: float, blocks: Sequence[bool] = (True,)
    ) -> None:
        super().__init__()
        rows, columns = weight.shape[0] // len(blocks), weight.shape[1]
        self.blocks = tuple(blocks)
        self.scale = alpha / rank
        self.down = nn.Parameter(torch.empty(sum(blocks), rank, columns))
        self.up = nn.Parameter(torch.zeros(sum(blocks), rows, rank))
        nn.init.normal_(self.down, std=rank**-0.5)

    def forward(self, weight: Tensor) -> Tensor:
        """(rows, columns) -> (rows, columns)."""
        changes = iter(self.scale * self.up @ self.down)
        rows = weight.chunk(len(self.blocks))
        return torch.cat(
            [
                block + next(changes) if is_changed else block
                for block, is_changed in zip(rows, self.blocks, strict=True)
            ]
        )


class Adapted(nn.Module):
    """A part of a layer with a bottleneck behind it, which does nothing at first.

    Args:
        part: Gives frames (batch, frames, channels), or a tuple that begins with them.
        channels: Of these.
        bottleneck_dim: Width of what the frames pass through.

    Source:
        Houlsby et al., "Parameter-Efficient Transfer Learning for NLP", ICML 2019, section 2.1.
    """

    def __init__(self, part: nn.Module, channels: int, bottleneck_dim: int) -> None:
        super().__init__()
        self.adapted = part
        self.down = nn.Linear(channels, bottleneck_dim)
        self.up = nn.Linear(bottleneck_dim, channels)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the part gives for the same, changed."""
        told = self.adapted(*args, **kwargs)
        frames, *rest = told if isinstance(told, tuple) else (told,)
        frames = frames + self.up(F.gelu(self.down(frames)))
        return (frames, *rest) if isinstance(told, tuple) else frames


def add_low_rank(layer: nn.Module, rank: int, alpha: float) -> list[nn.Module]:
    """From now on the queries and values of a layer can learn; what does so."""
    attention = getattr(layer, _named(layer, _ATTENTION))
    if isinstance(getattr(attention, "attention", None), nn.MultiheadAttention):
        # Torchaudio's WavLM: queries, keys and values are one matrix.
        one: Any = attention.attention
        change = LowRankChange(one.in_proj_weight, rank, alpha, (True, False, True))
        parametrize.register_parametrization(one, "in_proj_weight", change)
        return [change]
    names = next(pair for pair in _PROJECTIONS if hasattr(attention, pair[0]))
    changes: list[nn.Module] = []
    for name in names:
        projection = getattr(attention, name)
        # No wrapper around the projection: attention may take its weight and do without it.
        changes.append(LowRankChange(projection.weight, rank, alpha))
        parametrize.register_parametrization(projection, "weight", changes[-1])
    return changes


def add_bottlenecks(layer: nn.Module, channels: int, bottleneck_dim: int) -> list[nn.Module]:
    """From now on a layer has adapters behind attention and feed-forward part; what learns."""
    learns: list[nn.Module] = []
    for name in (_named(layer, _ATTENTION), _named(layer, _FEED_FORWARD)):
        adapted = Adapted(getattr(layer, name), channels, bottleneck_dim)
        setattr(layer, name, adapted)
        learns += [adapted.down, adapted.up]
    return learns


def published_name(key: str) -> str:
    """What a weight was called before adapters were added around it."""
    key = key.replace(".adapted.", ".")
    return re.sub(r"\.parametrizations\.(\w+)\.original$", r".\1", key)


def _named(layer: nn.Module, names: Sequence[str]) -> str:
    return next(name for name in names if hasattr(layer, name))
