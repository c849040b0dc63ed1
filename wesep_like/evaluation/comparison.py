"""Two systems on the same mixtures: which one is better, by how much, and is that chance?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wesep_like.data.text_lines import read_text
from wesep_like.errors import ManifestError
from wesep_like.evaluation.clusters import mixture_of
from wesep_like.evaluation.score_table import read_scores
from wesep_like.evaluation.scoring import WRONG_VOICE
from wesep_like.metrics.report import FAILURE_BELOW_DB
from wesep_like.metrics.resampling import mean_interval, sign_flip_p

FAILURE = "failure"
"""What a comparison calls the failure rate: the mean of 1 for each failure and 0 for the rest."""

_LESS_IS_BETTER = (FAILURE, WRONG_VOICE)

_NO_METRICS = {"id", "speaker", "interferers", "sexes", "note"}
_NO_METRICS |= {"seconds", "enrollment_seconds", "sir_db"}
_DECIMALS = 4  # those of scores.csv
_SAME_DB = 0.01  # what one mixture may differ by from machine to machine
_SAME_SECONDS = 0.01
_REMEDY = "Name the folder of a report that 'wesep-like evaluate' wrote"


@dataclass(frozen=True)
class OtherReport:
    """What another evaluation wrote.

    Args:
        folder: Where.
        about: What was judged on what.
        rows: One a mixture.
    """

    folder: str
    about: Mapping[str, Any]
    rows: list[dict[str, Any]]


def read_report(folder: str | Path, ids: Iterable[str]) -> OtherReport:
    """The report in a folder, to compare mixtures of these ids with.

    Raises:
        ManifestError: If it is not the folder of a report, or has none of the ids.
    """
    rows = read_scores(folder)
    path = Path(folder) / "summary.json"
    try:
        about = dict(json.loads(read_text(path, "JSON", _REMEDY))["about"])
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, ManifestError):
            raise
        raise ManifestError(f"{path}: is no summary of a report. {_REMEDY}") from None
    known, wanted = {row["id"] for row in rows}, list(ids)
    if known.isdisjoint(wanted):
        raise ManifestError(
            f"{folder}: has none of the mixtures (its first is {rows[0]['id']!r}, here it is "
            f"{wanted[0]!r}). Name a report on the same data"
        )
    return OtherReport(str(folder), about, rows)


def compare_reports(
    rows: Sequence[Mapping[str, Any]], about: Mapping[str, Any], other: OtherReport
) -> dict[str, Any]:
    """What `compare` says; and `report`, the other's folder, `about`, and `warnings` on the two."""
    compared = compare(rows, other.rows)
    unlike = [
        f"{name} is {about.get(name, 'not told')!r} here and {other.about.get(name, 'not told')!r} "
        "there"
        for name in ("corpus", "variant", "enrollments")
        if about.get(name) != other.about.get(name)
    ]
    compared["warnings"] = [*unlike, *compared["warnings"]]
    return {"report": other.folder, "about": dict(other.about), **compared}


def compare(
    rows: Sequence[Mapping[str, Any]], other_rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Two evaluations, paired by the ids of their rows.

    Numbers are compared as `scores.csv` has them, with four decimals.

    Returns:
        `num_pairs`, ids that both have; `num_alone`, ids of the first that the other lacks;
        `num_other_alone`; `warnings`, why the two may not be comparable; and `metrics`: for each
        that both have, and for `failure`, the failure rate, `num` of pairs with both values, the
        means `mean` and `other_mean`, `difference` of the two with its 95 % `interval` (None if
        all pairs are of one mixture), `p` of the
        hypothesis that the two systems are alike, `better` and `worse`, the shares of pairs in
        which the first system is (of a tie it is neither).

        The two trials of one mixture count as one draw in `interval` and `p`; see
        `metrics.resampling`. Each `p` is of its metric alone, not corrected for their number.
    """
    others = {row["id"]: row for row in other_rows}
    pairs = [(_with_failure(r), _with_failure(others[r["id"]])) for r in rows if r["id"] in others]
    names = [
        name
        for name in (pairs[0][0] if pairs else {})
        if name not in _NO_METRICS and not name.startswith("mixture_") and name in pairs[0][1]
    ]
    metrics = {name: found for name in names if (found := _compare_metric(name, pairs))}
    return {
        "num_pairs": len(pairs),
        "num_alone": len(rows) - len(pairs),
        "num_other_alone": len(other_rows) - len(pairs),
        "warnings": _check_same_mixtures(pairs),
        "metrics": metrics,
    }


def _compare_metric(
    name: str, pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]
) -> dict[str, Any] | None:
    """None if no pair has both values."""
    both = [(a, b) for a, b in pairs if a[name] is not None and b[name] is not None]
    if not both:
        return None
    own, other = (
        np.round([float(row[name]) for row in rows], _DECIMALS) for rows in zip(*both, strict=True)
    )
    differences = np.round(own - other, _DECIMALS)
    clusters = [mixture_of(row["id"]) for row, _ in both]
    interval = mean_interval(differences, clusters)
    gain = -differences if name in _LESS_IS_BETTER else differences
    return {
        "num": len(both),
        "mean": float(own.mean()),
        "other_mean": float(other.mean()),
        "difference": float(differences.mean()),
        "interval": None if interval is None else list(interval),
        "p": sign_flip_p(differences, clusters),
        "better": float((gain > 0).mean()),
        "worse": float((gain < 0).mean()),
    }


def _with_failure(row: Mapping[str, Any]) -> dict[str, Any]:
    improvement = row["si_sdri"]
    return {**row, FAILURE: None if improvement is None else float(improvement < FAILURE_BELOW_DB)}


def _check_same_mixtures(
    pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
) -> list[str]:
    """What differs between two mixtures of one id, though no system had a part in it."""
    warnings = []
    for name, tolerance, what in (
        ("mixture_si_sdr", _SAME_DB, "the mixture has another SI-SDR"),
        ("seconds", _SAME_SECONDS, "the mixture has another length"),
        ("enrollment_seconds", _SAME_SECONDS, "the enrollment has another length"),
    ):
        numbers = [(a.get(name), b.get(name)) for a, b in pairs]
        num = sum(abs(a - b) > tolerance for a, b in numbers if a is not None and b is not None)
        if num:
            warnings.append(f"in {num} of {len(pairs)} pairs {what}: they are not the same trial")
    return warnings
