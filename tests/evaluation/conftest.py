"""Made-up evaluations, to write reports of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from wesep_like.evaluation.clusters import mixture_of
from wesep_like.evaluation.comparison import OtherReport, compare_reports
from wesep_like.evaluation.report import is_scored, write_report
from wesep_like.evaluation.worst import WorstMixture
from wesep_like.metrics.report import summarise


def _row(id: str, si_sdri: float | None, **more: Any) -> dict[str, Any]:
    """A row as an evaluation makes it; `more` has what is not as usual."""
    whole = si_sdri is not None
    row = {
        "id": id,
        "speaker": "ann",
        "interferers": "bob",
        "sexes": "F-M",
        "seconds": 2.0,
        "enrollment_seconds": 3.0,
        "sir_db": 0.0,
        "si_sdr": si_sdri,
        "si_sdri": si_sdri,
        "wrong_voice": float(si_sdri < 0) if whole else None,
        "mixture_si_sdr": 0.0 if whole else None,
        "similarity": 0.5 if whole else None,
    }
    return {**row, **more, "note": more.get("note", "")}


def _rows(num: int, **more: Any) -> list[dict[str, Any]]:
    """`num` trials, two of each mixture, of all kinds."""
    rng = np.random.default_rng(num)
    rows = []
    for number in range(num):
        sir_db = float(rng.normal(0, 4))
        row = _row(
            f"s{number % 2 + 1}/mix-{number // 2:04}",
            float(rng.normal(8, 3) if rng.random() < 0.8 else rng.normal(-15, 5)),
            sexes=f"{'FM'[rng.integers(2)]}-{'FM'[rng.integers(2)]}",
            enrollment_seconds=float(rng.uniform(2, 15)),
            sir_db=sir_db,
            mixture_si_sdr=sir_db,
        )
        rows.append({**row, **more})
    return rows


def _worst(
    rows: list[dict[str, Any]], num: int = 10, sample_rate: int = 8000
) -> list[WorstMixture]:
    """The worst of the rows, with hums for signals; the enrollment is half as long again."""
    scored = sorted((r for r in rows if r["si_sdri"] is not None), key=lambda r: r["si_sdri"])
    worst = []
    for row in scored[:num]:
        time = np.arange(round(0.3 * sample_rate)) / sample_rate
        target, other = (0.3 * np.sin(2 * np.pi * pitch * time) for pitch in (300, 700))
        signals = {
            "mixture": target + other,
            "estimate": other,
            "target": target,
            "enrollment": np.tile(target, 2)[: round(1.5 * len(target))],
        }
        floats = {name: signal.astype(np.float32) for name, signal in signals.items()}
        worst.append(WorstMixture(row, floats, sample_rate))
    return worst


@pytest.fixture(scope="session")
def made() -> SimpleNamespace:
    """`made.row(id, si_sdri, **more)`, `made.rows(num, **more)`, `made.worst(rows)`."""
    return SimpleNamespace(row=_row, rows=_rows, worst=_worst)


@pytest.fixture
def write_page(tmp_path: Path) -> Callable[..., Path]:
    """Writes the report of rows: `write_page(rows, worst=[], other_rows=None, about=None)`."""

    def write(
        rows: list[dict[str, Any]],
        worst: list[WorstMixture] | None = None,
        other_rows: list[dict[str, Any]] | None = None,
        about: dict[str, str] | None = None,
    ) -> Path:
        about = about or {"model": "exp/a&b", "data": "data/test", "variant": "wav16k/min/test"}
        whole = [row for row in rows if is_scored(row)]
        other = None if other_rows is None else OtherReport("reports/other", about, other_rows)
        summary = {
            "about": about,
            **summarise(
                [{k: v for k, v in row.items() if k not in _NO_METRICS} for row in whole],
                [mixture_of(row["id"]) for row in whole],
            ),
            "num_broken": len(rows) - len(whole),
            "real_time_factor": {"value": None, "how": "not at all"},
            "against": compare_reports(rows, about, other) if other else None,
        }
        path = tmp_path / "report.html"
        write_report(path, summary, rows, worst or [], other_rows or ())
        return path

    return write


_NO_METRICS = ("id", "speaker", "interferers", "sexes", "seconds", "note", "sir_db")
_NO_METRICS += ("enrollment_seconds",)
