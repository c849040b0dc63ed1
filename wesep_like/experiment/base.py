"""What the configs of all tasks have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import nn

from wesep_like.errors import ConfigError
from wesep_like.training.engine import TrainerOptions
from wesep_like.training.optimizers import OptimizerOptions, ScheduleOptions


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """The config section `data`; relative paths are relative to where the command runs.

    Attributes:
        cache_megabytes: Memory for decoded audio, in each worker process.
        max_broken_share: Of what is read; if more of it is broken, the run ends.
    """

    cache_megabytes: float = 0.0
    max_broken_share: float = 0.05

    def __post_init__(self) -> None:
        if not 0 <= self.max_broken_share <= 1:
            raise ConfigError(f"max_broken_share: expected 0 to 1, got {self.max_broken_share!r}")


@dataclass(frozen=True, kw_only=True)
class Experiment(ABC):
    """A config, checked; there is a class for each task.

    Attributes:
        task: What is learnt.
        model: What learns it.
        init: Where the first weights of a part come from.
        seed: Another seed, other first weights and other examples.
        parts: What has weights of its own to begin with, or a learning rate.
    """

    parts: ClassVar[tuple[str, ...]]

    task: str
    model: dict[str, Any]
    data: DataOptions
    trainer: TrainerOptions
    sample_rate: int = 16000
    seed: int = 0
    init: dict[str, Any] = field(default_factory=dict)
    optimizer: OptimizerOptions = field(default_factory=OptimizerOptions)
    schedule: ScheduleOptions = field(default_factory=ScheduleOptions)

    def __post_init__(self) -> None:
        if problems := self.problems():
            raise ConfigError(problems)

    def problems(self) -> list[str]:
        """What is wrong with it as far as that can be told without the model, a line each."""
        problems = []
        if self.sample_rate <= 0:
            problems.append(f"sample_rate: expected more than 0 Hz, got {self.sample_rate}")
        if self.seed < 0:
            problems.append(f"seed: expected at least 0, got {self.seed}")
        parts = ", ".join(self.parts)
        for part, source in self.init.items():
            if part not in self.parts:
                problems.append(f"init.{part}: no such part. Parts: {parts}")
            elif source is not None and not isinstance(source, str):
                problems.append(f"init.{part}: expected the path of a model, got {source!r}")
        for part in self.optimizer.learning_rates:
            if part not in self.parts:
                problems.append(f"optimizer.learning_rates.{part}: no such part. Parts: {parts}")
        return problems

    @staticmethod
    @abstractmethod
    def build_model(section: Mapping[str, Any], sample_rate: int) -> nn.Module:
        """The model of a section `model`.

        Raises:
            ConfigError: With everything that is wrong.
        """

    @staticmethod
    @abstractmethod
    def parts_of(model: nn.Module) -> dict[str, nn.Module]:
        """The parts of a model by name."""

    @abstractmethod
    def problems_with(self, model: nn.Module | None) -> list[str]:
        """What of the rest does not go with the model, or with itself.

        Args:
            model: None if the section of the model is wrong, which is told elsewhere.
        """

    @abstractmethod
    def resolved_model(self) -> dict[str, Any]:
        """The section `model` with each default written out."""
