"""Optimisers and learning-rate schedules."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from wesep_like.errors import ConfigError


@dataclass(frozen=True)
class OptimizerOptions:
    """The config section `optimizer`.

    Attributes:
        name: Adam, AdamW with decoupled weight decay, or SGD with momentum.
        learning_rate: The highest; the schedule scales it.
        learning_rates: The same of parts of the model that learn at another: `speaker`,
            `separator`, `fusions`; in verification `speaker`, `head`.
        weight_decay: Strength of the pull towards zero.
        betas: Of Adam and AdamW only: decay of the running means of gradient and squared gradient.
        momentum: Of SGD only; null is 0.9.
        nesterov: Of SGD only: whether the momentum looks ahead; null is true.
    """

    name: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    learning_rates: dict[str, Any] = field(default_factory=dict)
    momentum: float | None = None
    nesterov: bool | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.learning_rate <= 0:
            problems.append(f"learning_rate: expected more than 0, got {self.learning_rate}")
        for part, rate in self.learning_rates.items():
            if type(rate) not in (int, float) or rate <= 0:
                problems.append(f"learning_rates.{part}: expected a number above 0, got {rate!r}")
        if self.weight_decay < 0:
            problems.append(f"weight_decay: expected at least 0, got {self.weight_decay}")
        for option in ("momentum", "nesterov"):
            if self.name != "sgd" and getattr(self, option) is not None:
                problems.append(f"{option}: {self.name!r} has none, only 'sgd' does. Remove it")
        if self.momentum is not None and not 0 <= self.momentum < 1:
            problems.append(f"momentum: expected at least 0 and below 1, got {self.momentum}")
        if self.nesterov and self.momentum == 0:
            problems.append("nesterov: there is no momentum to look ahead with. Expected false")
        if problems:
            raise ConfigError(problems)

    def build(self, parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]]) -> Optimizer:
        """The optimiser of `parameters`, or of groups of them, each with options of its own."""
        if self.name == "sgd":
            momentum = 0.9 if self.momentum is None else self.momentum
            return SGD(
                parameters,
                lr=self.learning_rate,
                weight_decay=self.weight_decay,
                momentum=momentum,
                nesterov=momentum > 0 if self.nesterov is None else self.nesterov,
            )
        kind = {"adam": Adam, "adamw": AdamW}[self.name]
        return kind(
            parameters,
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
            betas=self.betas,
        )


@dataclass(frozen=True)
class ScheduleOptions:
    """The config section `schedule`: a linear warm-up, then a decay to the last step.

    Attributes:
        name: Shape of the decay; WeSep's and WeSpeaker's is `exponential`.
        warmup_steps: Steps from near zero to the full learning rate.
        final_learning_rate: What the decay ends at; `constant` takes none.
    """

    name: Literal["constant", "exponential", "cosine"] = "exponential"
    warmup_steps: int = 0
    final_learning_rate: float | None = None

    def __post_init__(self) -> None:
        if self.warmup_steps < 0:
            raise ConfigError(f"warmup_steps: expected at least 0, got {self.warmup_steps}")
        if self.name == "constant" and self.final_learning_rate is not None:
            raise ConfigError("final_learning_rate: 'constant' does not decay. Remove it")
        if self.final_learning_rate is not None and self.final_learning_rate <= 0:
            raise ConfigError(
                f"final_learning_rate: expected more than 0, got {self.final_learning_rate}"
            )

    def build(self, optimizer: Optimizer, num_steps: int) -> LambdaLR:
        """The schedule of a run of `num_steps`; stepped once a step."""
        highest = optimizer.param_groups[0]["lr"]
        final = 0.025 * highest if self.final_learning_rate is None else self.final_learning_rate
        decay_steps = max(1, num_steps - self.warmup_steps)

        def factor(step: int) -> float:
            if step < self.warmup_steps:
                return (step + 1) / (self.warmup_steps + 1)
            done = min(1.0, (step - self.warmup_steps) / decay_steps)
            if self.name == "exponential":
                return (final / highest) ** done
            if self.name == "cosine":
                return final / highest + (1 - final / highest) * (1 + math.cos(math.pi * done)) / 2
            return 1.0

        return LambdaLR(optimizer, factor)


def learning_rate(optimizer: Optimizer) -> float:
    """The learning rate that the next step uses."""
    rate = optimizer.param_groups[0]["lr"]
    return float(rate.item() if torch.is_tensor(rate) else rate)
