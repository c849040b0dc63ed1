"""Many rows of numbers -> a mean and an interval for each, and how often it went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

FAILURE_BELOW_DB = 1.0
_NUM_RESAMPLES = 1000


def summarise(rows: Sequence[Mapping[str, Any]], *, seed: int = 0) -> dict[str, Any]:
    """What a table of metrics says as a whole.

    Args:
        rows: One mixture each. A value that is a number counts, a text or None does not.
        seed: Of the resampling; with one seed the intervals are always the same.

    Returns:
        `num_mixtures`; `failure_rate`, the share of mixtures with an SI-SDRi (`si_sdri`) below
        1 dB, most of which are target confusion, or None if none has that value; and `metrics`:
        for each name its `mean`, `interval` (of 95 %, as [low, high]) and `num`, how many mixtures
        had a value.

    Source:
        Interval: percentile bootstrap over mixtures (Efron, 1979), 1000 resamples.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: _numbers(row.get(name) for row in rows) for name in names}
    improvements = columns.get("si_sdri", np.empty(0))
    return {
        "num_mixtures": len(rows),
        "failure_rate": failure_rate(improvements),
        "metrics": {
            name: {
                "mean": float(values.mean()),
                "interval": _bootstrap(values, np.random.default_rng(seed)),
                "num": len(values),
            }
            for name, values in columns.items()
            if len(values)
        },
    }


def failure_rate(si_sdri: np.ndarray) -> float | None:
    """Share of the improvements, in dB, that are below 1 dB; None of no improvements."""
    return float((si_sdri < FAILURE_BELOW_DB).mean()) if len(si_sdri) else None


def _numbers(values: Iterable[Any]) -> np.ndarray:
    kept = [
        float(value)
        for value in values
        if isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    ]
    return np.array(kept)


def _bootstrap(values: np.ndarray, rng: np.random.Generator) -> list[float]:
    means = [
        values[rng.integers(len(values), size=len(values))].mean() for _ in range(_NUM_RESAMPLES)
    ]
    low, high = np.percentile(means, [2.5, 97.5])
    return [float(low), float(high)]
