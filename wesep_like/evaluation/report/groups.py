"""Trials that have something in common, and how well they came out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wesep_like.evaluation.clusters import mixture_of
from wesep_like.evaluation.report.pictures import round_step
from wesep_like.metrics.report import FAILURE_BELOW_DB
from wesep_like.metrics.resampling import mean_interval, share_interval

_MAX_BINS = 8
_DIFFERENT = "different sex"
_SAME = "same sex"


@dataclass(frozen=True)
class Group:
    """Some trials: SI-SDRi in dB and share of failures, each with its 95 % interval.

    Args:
        name: What they have in common.
        interval: None of a single mixture.
        bounds: From where up to where, of a bin.
    """

    name: str
    num: int
    mean: float
    interval: tuple[float, float] | None
    failures: float
    failure_interval: tuple[float, float]
    bounds: tuple[float, float] | None = None


def by_bins(rows: Sequence[Mapping[str, Any]], column: str) -> list[Group]:
    """The rows by a number that they have, in up to eight bins with round edges, none empty.

    Rows without that number are left out; where all have the same one, there are no groups.
    """
    rows = [row for row in rows if row.get(column) is not None]
    numbers = [row[column] for row in rows]
    if not rows or max(numbers) - min(numbers) < 0.05:
        return []
    step = round_step(min(numbers), max(numbers), _MAX_BINS)
    last = math.ceil(max(numbers) / step) - 1  # the uppermost edge belongs to the last bin
    members: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        members.setdefault(min(math.floor(row[column] / step), last), []).append(row)
    groups = []
    for place in sorted(members):
        low, high = place * step, (place + 1) * step
        groups.append(_group(f"{low:g} to {high:g}", members[place], (low, high)))
    return groups


def by_sexes(rows: Sequence[Mapping[str, Any]]) -> list[Group]:
    """The rows whose sexes are known: with interferers of the target's sex, and by each pair.

    Returns:
        Groups `same sex` and `different sex` (with several interferers: any of them), then one for
        each pair as `F with M`, the target's first. None, where sexes are not known.
    """
    members: dict[str, list[Mapping[str, Any]]] = {_SAME: [], _DIFFERENT: []}
    for row in rows:
        target, _, interferers = (row.get("sexes") or "").partition("-")
        if target and interferers:
            members[_SAME if set(interferers) == {target} else _DIFFERENT].append(row)
    pairs: dict[str, list[Mapping[str, Any]]] = {}
    for row in members[_SAME] + members[_DIFFERENT]:
        target, _, interferers = row["sexes"].partition("-")
        pairs.setdefault(f"{target} with {''.join(sorted(interferers))}", []).append(row)
    members.update(sorted(pairs.items()))
    return [_group(name, found) for name, found in members.items() if found]


def _group(
    name: str, rows: Sequence[Mapping[str, Any]], bounds: tuple[float, float] | None = None
) -> Group:
    improvements = np.array([row["si_sdri"] for row in rows])
    num_failures = int((improvements < FAILURE_BELOW_DB).sum())
    return Group(
        name,
        len(rows),
        float(improvements.mean()),
        mean_interval(improvements, [mixture_of(row["id"]) for row in rows]),
        num_failures / len(rows),
        share_interval(num_failures, len(rows)),
        bounds,
    )
