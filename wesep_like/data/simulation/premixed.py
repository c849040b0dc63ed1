"""How mixtures that exist are trained on; the config section `data.train` in another form."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from wesep_like.data.simulation.options import seconds_problems
from wesep_like.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class CuttingOptions(ABC):
    """Which stretch of a mixture is heard, and of which speaker; all else is as it was mixed.

    Each speaker of each mixture is the target equally often.

    Args:
        enrollments: A manifest of utterances to enroll the speakers with. None: the mixtures' own
            sources.
        mixture_seconds: Length of the stretch, cut at a random place; a shorter mixture is taken
            whole. None: whole mixtures.
        enrollment_seconds: Length of an enrollment, cut at a random place; a shorter utterance is
            taken whole. None: whole utterances.
        min_enrollment_seconds: Shorter utterances are no enrollments where their speaker has longer
            ones.
    """

    enrollments: str | None = None
    mixture_seconds: float | None = 3.0
    enrollment_seconds: float | None = 4.0
    min_enrollment_seconds: float = 2.0

    def __post_init__(self) -> None:
        if problems := seconds_problems(self):
            raise ConfigError(problems)

    @property
    def is_enrollment_recurring(self) -> bool:
        """Whether there are finitely many enrollments, so that each comes again."""
        return self.enrollment_seconds is None

    @property
    @abstractmethod
    def source(self) -> str:
        """Where the mixtures are from, for messages."""


@dataclass(frozen=True)
class PremixedOptions(CuttingOptions):
    """Which stretch of a mixture on disk is heard, and of which speaker.

    Args:
        mixtures: A manifest of them (`PremixedMixture`).
        name: Replaces a section of another name in a config, instead of going into it.
    """

    mixtures: str
    name: Literal["premixed"] = "premixed"

    @property
    def source(self) -> str:
        """The manifest."""
        return self.mixtures
