"""Scores of mixtures as a CSV table: written by an evaluation, read to compare with another."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wesep_like.config.atomic import atomic_path
from wesep_like.errors import ManifestError

SCORES = "scores.csv"
"""What the folder of a report calls it."""

_TEXTS = ("id", "speaker", "interferers", "sexes", "note")


def write_scores(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes one line a mixture; numbers with four decimals, None as nothing.

    Raises:
        OutputError: If the file cannot be written there.
    """
    with atomic_path(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()})


def read_scores(report: str | Path) -> list[dict[str, Any]]:
    """The rows of a report's folder: texts, numbers, and None where there is no number.

    Raises:
        ManifestError: If there is no such table in it.
    """
    path = Path(report) / SCORES
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file, strict=True))
        if not lines or not {"id", "si_sdri"} <= lines[0].keys():
            raise ValueError("no line with id and si_sdri")
        return [{name: _value(name, text) for name, text in line.items()} for line in lines]
    except (OSError, UnicodeError, ValueError, TypeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ManifestError(
            f"{path}: cannot be read as a table of scores ({reason}). "
            "Name the folder of a report that 'wesep-like evaluate' wrote"
        ) from None


def _value(name: str, text: str) -> str | float | None:
    if name in _TEXTS:
        return text
    return float(text) if text else None
