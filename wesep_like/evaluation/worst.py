"""The mixtures that came out worst, with their signals, to look at and listen to."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

NUM_WORST = 10


@dataclass(frozen=True)
class WorstMixture:
    """One mixture with all that was heard and should have been.

    Args:
        row: Its scores.
        signals: `mixture`, `estimate`, `target` and `enrollment`; each (samples,), float32.
        sample_rate: Of all of them, in Hz.
    """

    row: Mapping[str, Any]
    signals: Mapping[str, np.ndarray]
    sample_rate: int


class WorstMixtures:
    """Keeps the ten that improved least, by SI-SDRi, of any number; the rest are let go."""

    def __init__(self) -> None:
        self._kept: list[WorstMixture] = []

    def add(self, mixture: WorstMixture) -> None:
        """Keeps it if it is among the worst so far; not if it has no SI-SDRi."""
        if mixture.row["si_sdri"] is None:
            return
        bisect.insort(self._kept, mixture, key=_improvement)
        del self._kept[NUM_WORST:]

    def worst_first(self) -> list[WorstMixture]:
        """What was kept; of equals, the one that was added first."""
        return list(self._kept)


def _improvement(mixture: WorstMixture) -> float:
    return mixture.row["si_sdri"]
