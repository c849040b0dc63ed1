"""What learns, and how fast."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

MakeOptimizer = Callable[[list[dict[str, Any]]], tuple[Optimizer, LRScheduler]]


def groups_by_rate(
    learns: Iterable[nn.Parameter], rates: Mapping[nn.Module, float]
) -> list[dict[str, Any]]:
    """Groups of parameters for an optimiser.

    Args:
        learns: All that is learnt; what is frozen is left out.
        rates: Of modules that learn at another rate than the rest.

    Returns:
        First the rest, which has no rate of its own: its rate is logged, and is what the schedule
        starts from.
    """
    rate_of = {
        id(parameter): rate for module, rate in rates.items() for parameter in module.parameters()
    }
    wanted = [parameter for parameter in learns if parameter.requires_grad]
    groups: list[dict[str, Any]] = [{"params": [p for p in wanted if id(p) not in rate_of]}]
    for rate in sorted(set(rate_of.values())):
        groups.append({"params": [p for p in wanted if rate_of.get(id(p)) == rate], "lr": rate})
    return groups
