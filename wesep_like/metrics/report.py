"""Many rows of numbers -> a mean and an interval for each, and how often it went wrong."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from wesep_like.metrics.resampling import mean_interval

FAILURE_BELOW_DB = 1.0


def summarise(
    rows: Sequence[Mapping[str, Any]],
    clusters: Sequence[Hashable] | None = None,
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """What a table of metrics says as a whole.

    Args:
        rows: One trial each. A value that is a number counts, a text or None does not.
        clusters: What each trial belongs to, as the mixture that it shares with another; None: each
            is by itself.
        seed: Of the resampling; with one seed the intervals are always the same.

    Returns:
        `num_trials`; `num_mixtures`, of how many clusters they are; `failure_rate`, the share of
        trials with an SI-SDRi (`si_sdri`) below 1 dB, or None if none has that value; and
        `metrics`: for each name its `mean`, `interval` (of 95 %, as [low, high], by
        `mean_interval`; None if that is) and `num`, how many trials had a value.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    metrics = {}
    for name in names:
        counted = [place for place, row in enumerate(rows) if _is_number(row.get(name))]
        if counted:
            values = np.array([float(rows[place][name]) for place in counted])
            of_value = [clusters[place] for place in counted] if clusters is not None else None
            interval = mean_interval(values, of_value, seed=seed)
            metrics[name] = {
                "mean": float(values.mean()),
                "interval": None if interval is None else list(interval),
                "num": len(values),
            }
    improvements = [row["si_sdri"] for row in rows if _is_number(row.get("si_sdri"))]
    return {
        "num_trials": len(rows),
        "num_mixtures": len(rows if clusters is None else set(clusters)),
        "failure_rate": failure_rate(np.array(improvements)),
        "metrics": metrics,
    }


def failure_rate(si_sdri: np.ndarray) -> float | None:
    """Share of the improvements, in dB, that are below 1 dB; None of no improvements."""
    return float((si_sdri < FAILURE_BELOW_DB).mean()) if len(si_sdri) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
