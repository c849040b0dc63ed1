"""Optimisers and learning-rate schedules."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

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
        if self.name == "sgd" and self.betas != (0.9, 0.999):
            problems.append("betas: 'sgd' has none. Remove it")
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
    """The config section `schedule`: a linear warm-up, then a decay.

    Attributes:
        name: Shape of the decay, which ends with the run; WeSep's and WeSpeaker's is `exponential`.
            `plateau` falls when validations get no better.
        warmup_steps: Steps from near zero to the full learning rate.
        final_learning_rate: What the decay ends at; `constant` takes none.
        patience: Of `plateau` only: so many validations in a row that are not better than the best
            before, and the rate falls; null is 3.
        factor: Of `plateau` only: what the rate is then multiplied by; null is 0.5.
    """

    name: Literal["constant", "exponential", "cosine", "plateau"] = "exponential"
    warmup_steps: int = 0
    final_learning_rate: float | None = None
    patience: int | None = None
    factor: float | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.warmup_steps < 0:
            problems.append(f"warmup_steps: expected at least 0, got {self.warmup_steps}")
        if self.name == "constant" and self.final_learning_rate is not None:
            problems.append("final_learning_rate: 'constant' does not decay. Remove it")
        elif self.final_learning_rate is not None and self.final_learning_rate <= 0:
            problems.append(
                f"final_learning_rate: expected more than 0, got {self.final_learning_rate}"
            )
        for option in ("patience", "factor"):
            if self.name != "plateau" and getattr(self, option) is not None:
                problems.append(
                    f"{option}: {self.name!r} does not look at validations, only 'plateau' does. "
                    "Remove it"
                )
        if self.patience is not None and self.patience < 1:
            problems.append(f"patience: expected at least 1, got {self.patience}")
        if self.factor is not None and not 0 < self.factor < 1:
            problems.append(f"factor: expected more than 0 and less than 1, got {self.factor}")
        if problems:
            raise ConfigError(problems)

    def build(self, optimizer: Optimizer, num_steps: int) -> LRScheduler:
        """The schedule of a run of `num_steps`; stepped once a step.

        Raises:
            ConfigError: If the rate would rise to its end.
        """
        highest = optimizer.param_groups[0]["lr"]
        final = 0.025 * highest if self.final_learning_rate is None else self.final_learning_rate
        if final > highest:
            raise ConfigError(
                f"schedule.final_learning_rate: expected at most optimizer.learning_rate, which is "
                f"{highest:g}, got {final:g}"
            )
        if self.name == "plateau":
            return Plateau(
                optimizer,
                self.warmup_steps,
                patience=3 if self.patience is None else self.patience,
                factor=0.5 if self.factor is None else self.factor,
                lowest=final / highest,
            )
        decay_steps = max(1, num_steps - self.warmup_steps)

        def factor(step: int) -> float:
            if step < self.warmup_steps:
                return _warm_up(step, self.warmup_steps)
            done = min(1.0, (step - self.warmup_steps) / decay_steps)
            if self.name == "exponential":
                return (final / highest) ** done
            if self.name == "cosine":
                return final / highest + (1 - final / highest) * (1 + math.cos(math.pi * done)) / 2
            return 1.0

        return LambdaLR(optimizer, factor)


class Plateau(LRScheduler):
    """A warm-up, then a rate that falls whenever validations have got no better for long enough.

    torch's ReduceLROnPlateau multiplies what the optimiser holds, and so does not go together with
    a schedule that sets it at every step.

    Args:
        optimizer: Its groups fall alike.
        warmup_steps: Validations in them do not count against the rate.
        patience: Validations in a row that are not better.
        factor: What the rate is then multiplied by.
        lowest: What it does not fall below, as a share of the highest.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        warmup_steps: int,
        *,
        patience: int,
        factor: float,
        lowest: float,
    ) -> None:
        # All of it is plain numbers: a checkpoint keeps them.
        self.warmup_steps = warmup_steps
        self.patience = patience
        self.factor = factor
        self.lowest = lowest
        self.share = 1.0
        self.best = -math.inf
        self.num_not_better = 0
        super().__init__(optimizer)

    def get_lr(self) -> list[float | torch.Tensor]:
        """The rate of each group."""
        is_warm = self.last_epoch >= self.warmup_steps
        share = self.share if is_warm else _warm_up(self.last_epoch, self.warmup_steps)
        return [rate * share for rate in self.base_lrs]

    def observe(self, value: float) -> bool:
        """Takes note of a validation, of which more is better; whether the rate falls by it."""
        if value > self.best:
            self.best, self.num_not_better = value, 0
        elif self.last_epoch > self.warmup_steps:  # a step at the full rate has been taken
            self.num_not_better += 1
        if self.num_not_better < self.patience or self.share <= self.lowest:
            return False
        self.num_not_better = 0
        self.share = max(self.share * self.factor, self.lowest)
        for group, rate in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = rate * self.share
        return True


def _warm_up(step: int, warmup_steps: int) -> float:
    """The share of the full rate at a step of the warm-up."""
    return (step + 1) / (warmup_steps + 1)


def learning_rate(optimizer: Optimizer) -> float:
    """The learning rate that the next step uses."""
    rate = optimizer.param_groups[0]["lr"]
    return float(rate.item() if torch.is_tensor(rate) else rate)
