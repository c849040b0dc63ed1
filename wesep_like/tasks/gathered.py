"""What the processes of a run tell each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

T = TypeVar("T")


def are_several() -> bool:
    """Whether there are other processes to be heard."""
    return distributed.is_available() and distributed.is_initialized()


def gathered(own: T) -> list[T]:
    """What each process gives, in order of their ranks; a single process only hears itself.

    Every process has to call it, at the same place.

    Args:
        own: Anything small that can be pickled.
    """
    if not are_several():
        return [own]
    found: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(found, own)
    return found


def mean_rows(own: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Means by name over the rows of all processes, each row once, whoever has it.

    Args:
        own: Rows of numbers by id; not every row has every name.
    """
    rows = {id_: row for share in gathered(own) for id_, row in share.items()}
    means = {}
    for name in dict.fromkeys(name for row in rows.values() for name in row):
        values = [row[name] for row in rows.values() if name in row]
        # An exact sum has no order: the mean is the same on any number of processes.
        means[name] = math.fsum(values) / len(values)
    return means


def mean_terms(own: Mapping[str, tuple[float, int]]) -> dict[str, float]:
    """Means by name over the examples of all processes.

    Args:
        own: The mean over examples of this process, and how many they are; others may have other
            names.
    """
    shares = gathered(own)
    means = {}
    for name in dict.fromkeys(name for share in shares for name in share):
        parts = [share[name] for share in shares if name in share]
        means[name] = sum(mean * num for mean, num in parts) / sum(num for _, num in parts)
    return means


def gathered_tensors(own: Tensor) -> Tensor:
    """The tensors of all processes, (processes, ...), in order of their ranks.

    All are of one shape. What is learnt by any of the processes flows back to where it is from.
    """
    return _Gathered.apply(own) if are_several() else own[None]


class _Gathered(torch.autograd.Function):
    """torch's own gathering of tensors has no gradient."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        found = [torch.empty_like(own) for _ in range(distributed.get_world_size())]
        distributed.all_gather(found, own.contiguous())
        return torch.stack(found)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous()
        distributed.all_reduce(total)
        return total[distributed.get_rank()]
