"""What `__main__.py` prints, measured."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from wesep_like.config.sections import read_section
from wesep_like.data.processes import in_processes
from wesep_like.data.reading import read_ingredients
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.draw import MixturePlanner
from wesep_like.data.simulation.options import SimulationOptions
from wesep_like.data.simulation.plans import MixturePlan, write_plans
from wesep_like.data.simulation.render import render
from wesep_like.data.store import AudioStore
from wesep_like.evaluation.scoring import ScoringJob, columns_of, score

sys.path.append(str(Path(__file__).resolve().parents[1]))
from timing import seconds_of, turns

RATE = 16000
SECONDS = 4.0
_INTERFERER_GAIN = 10 ** (-10 / 20)  # what is left of it in an estimate
_TURNS = 3


def draw_plans(data: Path, num_mixtures: int) -> list[MixturePlan]:
    """Mixtures of two voices, the same every time."""
    utterances = (data / "utterances.jsonl").resolve()
    wanted = {"utterances": str(utterances), "mixture_seconds": SECONDS}
    planner = MixturePlanner.from_manifests(read_section(SimulationOptions, wanted, ""), RATE)
    return [
        planner.draw(np.random.default_rng([1, number]), mixture_id=str(number))
        for number in range(num_mixtures)
    ]


def made_jobs(plans: Sequence[MixturePlan], scores: tuple[str, ...]) -> list[ScoringJob]:
    """What is to be scored of each mixture."""
    jobs = []
    for plan in plans:
        batch = render(collate([read_ingredients(plan, AudioStore(RATE))]))
        signals = {
            "mixture": batch.mixture,
            "estimate": batch.target + _INTERFERER_GAIN * batch.interference,
            "target": batch.target,
            "enrollment": batch.enrollment,
        }
        row = {"id": plan.id, **dict.fromkeys(columns_of(scores)), "note": ""}
        samples = {name: signal[0].numpy() for name, signal in signals.items()}
        jobs.append(ScoringJob(row, scores, RATE, has_target=True, signals=samples))
    return jobs


def seconds_of_each(
    plans: Sequence[MixturePlan], scores: tuple[str, ...]
) -> dict[str, list[float]]:
    """Seconds a mixture of each score, of some turns."""

    def run(name: str) -> float:
        # Of the ratio that a row must have the time is next to nothing.
        some = [replace(job, scores=tuple(dict.fromkeys(["si_sdr", name]))) for job in jobs]
        return seconds_of(lambda: [score(job) for job in deepcopy(some)]) / len(some)

    jobs = made_jobs(plans, scores)
    return dict(zip(scores, turns([partial(run, name) for name in scores], _TURNS), strict=True))


def scored(jobs: Sequence[ScoringJob], num_processes: int) -> float:
    """Seconds until all are scored, by processes that are yet to start."""
    start = time.perf_counter()
    rows = list(in_processes(score, jobs, num_processes))
    seconds = time.perf_counter() - start
    if any(row["note"] for row in rows):
        raise SystemExit(next(row["note"] for row in rows if row["note"]))
    return seconds


def seconds_of_evaluation(
    plans: Sequence[MixturePlan], metrics: Sequence[str] | None, num_workers: int
) -> float:
    """Seconds of the command `evaluate` with the bundled model, from its start to its end."""
    with tempfile.TemporaryDirectory() as folder:
        mixtures = Path(folder) / "mixtures.jsonl"
        write_plans(mixtures, plans)
        command = [sys.executable, "-m", "wesep_like", "evaluate", "bundled", mixtures]
        command += ["-o", Path(folder) / "report", "--device", "cpu", "--workers", str(num_workers)]
        if metrics is not None:
            command += ["--metrics", ",".join(metrics)]
        return seconds_of(partial(subprocess.run, command, check=True, capture_output=True))
