"""How alike two embeddings are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from wesep_like.scoring.transforms import LengthNorm


class Scorer(ABC):
    """Larger scores for one speaker than for two. Scores do not depend on the order of a pair."""

    @abstractmethod
    def pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Of row and row: (trials, dim), (trials, dim) -> (trials,)."""

    @abstractmethod
    def matrix(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Of each row and each row: (rows, dim), (columns, dim) -> (rows, columns)."""


@dataclass(frozen=True)
class Cosine(Scorer):
    """The cosine of the angle between them; of none that is zero."""

    def pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """See the base."""
        unit = LengthNorm()
        return (unit(first) * unit(second)).sum(1)

    def matrix(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """See the base."""
        unit = LengthNorm()
        return unit(first) @ unit(second).T
