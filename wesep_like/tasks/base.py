"""What the engine and a run in small ask of every task."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from wesep_like.tasks.finite import FiniteSteps
from wesep_like.tasks.validated import Validated


class Task(FiniteSteps):
    """What is learnt: what a batch means. How steps are run is the trainer's business.

    Attributes:
        model: What is learnt and kept.
        validated: By what a validation tells which model is better.
        example: What one validation example is, for people.
        answer: What `answering` returns, for people.
    """

    model: nn.Module
    validated: ClassVar[Validated]
    example: ClassVar[str]
    answer: ClassVar[str]

    @property
    @abstractmethod
    def answering(self) -> nn.Module:
        """The module that returns the answers to a batch."""

    @abstractmethod
    def signals(self, batch: Any) -> dict[str, Tensor]:
        """What is in a batch, by name."""

    @abstractmethod
    def parts(self) -> dict[str, nn.Module]:
        """All that has weights, by name."""
