"""An extraction model on fixed mixtures: rows of metrics, a summary, a report.

Each mixture goes through `Extractor.extract` as a user's recording does; the numbers are of what a
user would hear.
"""

from __future__ import annotations

import csv
import json
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import wesep_like
from wesep_like.config.atomic import atomic_path, check_writable, make_folder
from wesep_like.config.sections import nearest
from wesep_like.data.processes import in_processes
from wesep_like.data.reading import read_ingredients
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.plans import MixturePlan
from wesep_like.data.simulation.render import render
from wesep_like.data.store import AudioStore
from wesep_like.errors import AudioError, ConfigError, ManifestError, WesepLikeError
from wesep_like.evaluation.report import is_scored, write_report
from wesep_like.inference.extractor import Extractor
from wesep_like.inference.signals import ShortEnrollmentWarning
from wesep_like.metrics.attenuation import attenuation
from wesep_like.metrics.pesq import pesq
from wesep_like.metrics.report import summarise
from wesep_like.metrics.sdr import sdr, si_sdr
from wesep_like.metrics.stoi import stoi

MIXTURES = "mixtures.jsonl"
"""What a data folder calls its fixed mixtures."""

METRICS = ("si_sdr", "sdr", "pesq", "stoi", "estoi", "similarity")
"""What can be measured; `similarity` is of the extracted voice and the enrollment."""

ATTENUATION = "attenuation_db"
"""Instead of all these where the target is absent: how much quieter than the mixture it is."""

_IMPROVED = ("si_sdr", "sdr")  # ratios in dB, of which the gain over the mixture is of interest
_MAX_TOLD = 10


def find_mixtures(data: str | Path) -> Path:
    """The file of fixed mixtures that a user means by a data folder or by the file itself.

    Raises:
        ManifestError: If there is none.
    """
    data = Path(data)
    if data.is_file():
        return data
    if not (data / MIXTURES).is_file():
        what = f"no {MIXTURES} in it" if data.is_dir() else "no such file or folder"
        raise ManifestError(
            f"{data}: {what}. Name a data folder with {MIXTURES}, or such a file. "
            "'wesep-like prepare' writes them"
        )
    return data / MIXTURES


def evaluate_extraction(
    extractor: Extractor,
    plans: Sequence[MixturePlan],
    *,
    output: str | Path,
    metrics: Sequence[str] = METRICS,
    num_workers: int = 0,
    about: Mapping[str, str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Extracts and scores every mixture; writes `mixtures.csv`, `summary.json` and `report.html`.

    A mixture that cannot be read, extracted or scored is left out of all means; its row says why.
    A single metric that has no value for a mixture (PESQ without speech) is left out alone. Where
    the enrolled speaker does not speak, there is nothing to compare with: such a mixture has its
    attenuation for its only number.

    Args:
        extractor: The model to judge.
        plans: As `read_plans` gives them; all at one sample rate.
        output: A folder, made if need be.
        metrics: Some of `METRICS`; `si_sdr` is always among them.
        num_workers: Processes that score while this one extracts; 0 does both here, which measures
            the real-time factor undisturbed. They are spawned, so a script that asks for them needs
            `if __name__ == "__main__":`.
        about: What was judged on what, for the summary and the report; say, `model` and `data`.
        progress: Told (mixtures done, all mixtures).

    Returns:
        The summary: `about`; what `metrics.report.summarise` says, with each metric of the mixtures
        themselves as `mixture_NAME` and improvements as `si_sdri` and `sdri`; `num_broken` and
        `broken`, up to ten `{id, problem}`; `real_time_factor` with `value`, None if nothing was
        extracted, and `how` it was measured; `files`, the paths written.

    Raises:
        ConfigError: If there is no such metric.
        OutputError: If the files cannot be written; found out before the work begins.
    """
    names = _check_metrics(metrics)
    if not all(plan.has_target for plan in plans):
        names += (ATTENUATION,)
    folder = make_folder(output)
    check_writable(folder / "summary.json")
    timings: list[tuple[float, float]] = []
    jobs = (_extract(extractor, plan, names, timings) for plan in plans)
    rows = []
    for row in in_processes(_score, jobs, num_workers):
        rows.append(row)
        if progress:
            progress(len(rows), len(plans))

    files = {"rows": "mixtures.csv", "summary": "summary.json", "report": "report.html"}
    broken = [row for row in rows if not is_scored(row)]
    summary: dict[str, Any] = {
        "about": {**(about or {}), "wesep_like": wesep_like.__version__},
        **summarise(
            [{name: row[name] for name in _columns(names)} for row in rows if is_scored(row)]
        ),
        "num_broken": len(broken),
        "broken": [{"id": row["id"], "problem": row["note"]} for row in broken[:_MAX_TOLD]],
        "real_time_factor": _real_time_factor(timings, extractor.device, num_workers),
        "files": {kind: str(folder / name) for kind, name in files.items()},
    }
    _write_rows(folder / files["rows"], rows)
    with atomic_path(folder / files["summary"]) as draft:
        draft.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    write_report(folder / files["report"], summary, rows)
    return summary


@dataclass
class _Job:
    """What is needed to score one mixture, in this process or another.

    Args:
        row: What is known already; scoring adds the rest.
        estimate: (samples,), or None if there is none; the row then says why.
    """

    row: dict[str, Any]
    metrics: tuple[str, ...]
    sample_rate: int
    has_target: bool
    estimate: np.ndarray | None = None
    mixture: np.ndarray | None = None
    target: np.ndarray | None = None


def _extract(
    extractor: Extractor,
    plan: MixturePlan,
    metrics: tuple[str, ...],
    timings: list[tuple[float, float]],
) -> _Job:
    """Reads, mixes and extracts one mixture; adds (seconds taken, its duration) to `timings`."""
    seconds = plan.num_samples / plan.sample_rate
    row: dict[str, Any] = {
        "id": plan.id,
        "speaker": plan.target.speaker,
        "interferers": " ".join(source.speaker for source in plan.interferers),
        "seconds": round(seconds, 3),
        "enrollment_seconds": None,
        **dict.fromkeys(_columns(metrics)),
        "note": "",
    }
    job = _Job(row, metrics, plan.sample_rate, plan.has_target)
    try:
        batch = render(collate([read_ingredients(plan, AudioStore(plan.sample_rate))]))
        mixture, target, enrollment = (
            signal[0].numpy() for signal in (batch.mixture, batch.target, batch.enrollment)
        )
        row["enrollment_seconds"] = round(len(enrollment) / plan.sample_rate, 3)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", ShortEnrollmentWarning)
            start = time.perf_counter()
            cue = extractor.cue(enrollment, plan.sample_rate)
            estimate = extractor.extract(mixture, cue, plan.sample_rate)
            timings.append((time.perf_counter() - start, seconds))
        _add_notes(row, (str(warning.message) for warning in told))
        if not np.isfinite(estimate).all():
            raise AudioError("the model returned NaN or infinite samples")
    except WesepLikeError as error:
        _add_notes(row, [str(error)])
        return job
    if "similarity" in metrics and extractor.has_embedding and plan.has_target:
        try:
            row["similarity"] = extractor.similarity(estimate, cue, plan.sample_rate)
        except AudioError as error:
            _add_notes(row, [f"similarity: {error}"])
    job.estimate, job.mixture, job.target = estimate, mixture, target
    return job


def _score(job: _Job) -> dict[str, Any]:
    row = job.row
    if job.estimate is None:
        return row
    if not job.has_target:
        assert job.mixture is not None
        pair = torch.from_numpy(job.estimate), torch.from_numpy(job.mixture)
        row[ATTENUATION] = float(attenuation(*pair))
        return row
    for name in job.metrics:
        if name in ("similarity", ATTENUATION):
            continue
        try:
            for prefix, signal in (("", job.estimate), ("mixture_", job.mixture)):
                row[prefix + name] = _measure(name, signal, job.target, job.sample_rate)
        except WesepLikeError as error:
            row[name] = None
            _add_notes(row, [str(error) if name in str(error).lower() else f"{name}: {error}"])
        if row["si_sdr"] is None:
            return row  # a silent target, say: nothing else means anything then
    for name in _IMPROVED:
        if name in job.metrics and row[name] is not None:
            row[f"{name}i"] = row[name] - row[f"mixture_{name}"]
    return row


def _measure(name: str, signal: Any, target: Any, sample_rate: int) -> float:
    if name in ("si_sdr", "sdr"):
        # In double precision: sums over long signals lose digits in single.
        pair = torch.from_numpy(signal).double(), torch.from_numpy(target).double()
        return float(si_sdr(*pair) if name == "si_sdr" else sdr(*pair))
    if name == "pesq":
        return pesq(signal, target, sample_rate)
    return stoi(signal, target, sample_rate, extended=name == "estoi")


def _columns(metrics: Sequence[str]) -> list[str]:
    """The numbers of a row: each metric, its improvement, and its value for the mixture."""
    columns = []
    for name in metrics:
        columns.append(name)
        if name in _IMPROVED:
            columns.append(f"{name}i")
        if name not in ("similarity", ATTENUATION):
            columns.append(f"mixture_{name}")
    return columns


def _check_metrics(metrics: Sequence[str]) -> tuple[str, ...]:
    for name in metrics:
        if name not in METRICS:
            hint = nearest(name, METRICS)
            raise ConfigError(
                f"metrics: no metric is called {name!r}{hint}. Known: {', '.join(METRICS)}"
            )
    return tuple(name for name in METRICS if name in metrics or name == "si_sdr")


def _add_notes(row: dict[str, Any], notes: Iterable[str]) -> None:
    row["note"] = "; ".join([*filter(None, [row["note"]]), *notes])


def _real_time_factor(
    timings: Sequence[tuple[float, float]], device: torch.device, num_workers: int
) -> dict[str, Any]:
    counted = timings[1:] or timings
    taken, audio = (sum(column) for column in zip(*counted, strict=True)) if counted else (0, 0)
    how = [
        "wall time of enrollment and extraction, without reading and scoring, over duration",
        f"{len(counted)} mixtures, without the first (warm-up)",
        f"CPU, torch threads: {torch.get_num_threads()}" if device.type == "cpu" else str(device),
    ]
    if num_workers:
        how.append(f"{num_workers} processes were scoring meanwhile")
    return {"value": taken / audio if audio else None, "how": "; ".join(how)}


def _write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with atomic_path(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()})
