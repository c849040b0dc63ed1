"""An extraction model on fixed mixtures: rows of metrics, a summary, a report.

Each mixture goes through `Extractor.extract` as a user's recording does; the numbers are of what a
user would hear.
"""

from __future__ import annotations

import json
import math
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import wesep_like
from wesep_like.config.atomic import atomic_path, check_writable, make_folder
from wesep_like.data.batch import Batch
from wesep_like.data.processes import in_processes
from wesep_like.data.reading import read_ingredients
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.plans import MixturePlan
from wesep_like.data.simulation.render import render
from wesep_like.data.store import AudioStore
from wesep_like.errors import AudioError, ConfigError, WesepLikeError
from wesep_like.evaluation.clusters import mixture_of
from wesep_like.evaluation.comparison import compare_reports, read_report
from wesep_like.evaluation.report import is_scored, write_report
from wesep_like.evaluation.report.html import counted
from wesep_like.evaluation.score_table import SCORES, write_scores
from wesep_like.evaluation.scoring import (
    ATTENUATION,
    ScoringJob,
    add_notes,
    choose_scores,
    columns_of,
    score,
)
from wesep_like.evaluation.worst import WorstMixture, WorstMixtures
from wesep_like.inference.extractor import Extractor
from wesep_like.inference.signals import ShortEnrollmentWarning
from wesep_like.metrics.report import summarise

_MAX_TOLD = 10


def evaluate_extraction(
    extractor: Extractor,
    plans: Sequence[MixturePlan],
    *,
    output: str | Path,
    metrics: Sequence[str] | None = None,
    num_workers: int = 0,
    about: Mapping[str, str] | None = None,
    sexes: Mapping[str, str] | None = None,
    against: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Extracts and scores every mixture; writes `scores.csv`, `summary.json` and `report.html`.

    A mixture that cannot be read, extracted or scored is left out of all means; its row says why.
    A single metric that has no value for a mixture (PESQ without speech) is left out alone. Where
    the enrolled speaker does not speak, there is nothing to compare with: such a mixture has its
    attenuation for its only number.

    Args:
        extractor: The model to judge.
        plans: As `read_plans` gives them; all at one sample rate.
        output: A folder, made if need be.
        metrics: Some of `scoring.METRICS`; see `choose_scores`.
        num_workers: Processes that score while this one extracts; 0 does both here, which measures
            the real-time factor undisturbed. They are spawned, so a script that asks for them needs
            `if __name__ == "__main__":`.
        about: What was judged on what, for the summary and the report; say, `model` and `data`.
        sexes: Of speakers, where known.
        against: The folder of another report, to compare with, mixture by mixture.
        progress: Told (mixtures done, all mixtures).

    Returns:
        The summary: `about`; what `metrics.report.summarise` says, with each metric of the mixtures
        themselves as `mixture_NAME` and improvements as `si_sdri` and `sdri`; `num_broken` and
        `broken`, up to ten `{id, problem}`; `real_time_factor` with `value`, None if nothing was
        extracted, and `how` it was measured; `against`, the comparison with another report, or
        None; `files`, the paths written.

    Raises:
        ConfigError: If there is no such metric, or `against` is `output`.
        SampleRateError: If PESQ is asked for at a rate that it has no meaning at.
        MissingPackageError: If DNSMOS is asked for and not installed.
        ManifestError: If `against` is not a report on some of these mixtures.
        OutputError: If the files cannot be written; found out before the work begins.
    """
    if against is not None and Path(against).resolve() == Path(output).resolve():
        raise ConfigError(f"against: {against} is where this report goes. Name another folder")
    other = read_report(against, (plan.id for plan in plans)) if against is not None else None
    scores = choose_scores(metrics, plans[0].sample_rate)
    if not all(plan.has_target for plan in plans):
        scores += (ATTENUATION,)
    folder = make_folder(output)
    check_writable(folder / "summary.json")
    timings: list[tuple[float, float]] = []
    being_scored: deque[ScoringJob] = deque()

    def jobs() -> Iterator[ScoringJob]:
        for plan in plans:
            job = _extract(extractor, plan, scores, sexes or {}, timings)
            being_scored.append(job)
            yield job

    rows = []
    worst = WorstMixtures()
    for row in in_processes(score, jobs(), num_workers):
        rows.append(row)
        job = being_scored.popleft()
        if job.signals is not None:
            worst.add(WorstMixture(row, job.signals, job.sample_rate))
        if progress:
            progress(len(rows), len(plans))

    files = {"rows": SCORES, "summary": "summary.json", "report": "report.html"}
    broken = [row for row in rows if not is_scored(row)]
    whole = [row for row in rows if is_scored(row)]
    columns = columns_of(scores)
    about = {**(about or {}), "wesep_like": wesep_like.__version__}
    summary: dict[str, Any] = {
        "about": about,
        **summarise(
            [{name: row[name] for name in columns} for row in whole],
            [mixture_of(row["id"]) for row in whole],
        ),
        "num_broken": len(broken),
        "broken": [{"id": row["id"], "problem": row["note"]} for row in broken[:_MAX_TOLD]],
        "real_time_factor": _real_time_factor(timings, extractor.device, num_workers),
        "against": compare_reports(rows, about, other) if other else None,
        "files": {kind: str(folder / name) for kind, name in files.items()},
    }
    write_scores(folder / files["rows"], rows)
    with atomic_path(folder / files["summary"]) as draft:
        draft.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    other_rows = other.rows if other else ()
    write_report(folder / files["report"], summary, rows, worst.worst_first(), other_rows)
    return summary


def _extract(
    extractor: Extractor,
    plan: MixturePlan,
    scores: tuple[str, ...],
    sexes: Mapping[str, str],
    timings: list[tuple[float, float]],
) -> ScoringJob:
    """Reads, mixes and extracts one mixture; adds (seconds taken, its duration) to `timings`."""
    seconds = plan.num_samples / plan.sample_rate
    row: dict[str, Any] = {
        "id": plan.id,
        "speaker": plan.target.speaker,
        "interferers": " ".join(source.speaker for source in plan.interferers),
        "sexes": _sexes(plan, sexes),
        "seconds": round(seconds, 3),
        "enrollment_seconds": None,
        "sir_db": None,
        **dict.fromkeys(columns_of(scores)),
        "note": "",
    }
    job = ScoringJob(row, scores, plan.sample_rate, plan.has_target)
    try:
        batch = render(collate([read_ingredients(plan, AudioStore(plan.sample_rate))]))
        mixture, target, enrollment = (
            signal[0].numpy() for signal in (batch.mixture, batch.target, batch.enrollment)
        )
        row["enrollment_seconds"] = round(len(enrollment) / plan.sample_rate, 3)
        if plan.has_target and plan.interferers:
            row["sir_db"] = _sir_db(batch)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", ShortEnrollmentWarning)
            start = time.perf_counter()
            cue = extractor.cue(enrollment, plan.sample_rate)
            estimate = extractor.extract(mixture, cue, plan.sample_rate)
            timings.append((time.perf_counter() - start, seconds))
        add_notes(row, (str(warning.message) for warning in told))
        if not np.isfinite(estimate).all():
            raise AudioError("the model returned NaN or infinite samples")
    except WesepLikeError as error:
        add_notes(row, [str(error)])
        return job
    job.signals = {
        "mixture": mixture,
        "estimate": estimate,
        "target": target,
        "enrollment": enrollment,
    }
    return job


def _sexes(plan: MixturePlan, sexes: Mapping[str, str]) -> str:
    """The target's sex, then those of the interferers, as in F-M; nothing if one is not known."""
    target, *others = known = [sexes.get(source.speaker, "") for source in plan.sources]
    if "" in known:
        return ""
    return f"{target}-{''.join(others)}" if others else target


def _sir_db(batch: Batch) -> float | None:
    """The target's voice over the sum of the interferers, as both are heard in the one mixture."""
    voice = batch.mixture - batch.interference - batch.noise
    energies = [float(signal.double().square().sum()) for signal in (voice, batch.interference)]
    if min(energies) == 0:
        return None
    return 10 * math.log10(energies[0] / energies[1])


def _real_time_factor(
    timings: Sequence[tuple[float, float]], device: torch.device, num_workers: int
) -> dict[str, Any]:
    heard = timings[1:] or timings
    taken, audio = (sum(column) for column in zip(*heard, strict=True)) if heard else (0, 0)
    how = [
        "wall time of enrollment and extraction, without reading and scoring, over duration",
        counted(len(heard), "trial") + (", without the first (warm-up)" if timings[1:] else ""),
        f"CPU, torch threads: {torch.get_num_threads()}" if device.type == "cpu" else str(device),
    ]
    if num_workers:
        how.append(f"{num_workers} processes were scoring meanwhile")
    return {"value": taken / audio if audio else None, "how": "; ".join(how)}
