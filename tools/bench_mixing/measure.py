"""What `__main__.py` prints, measured."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from plain import mix

from wesep_like.audio.fbank import Fbank
from wesep_like.cli.memory import keep_freed_memory
from wesep_like.config.files import read_config
from wesep_like.config.sections import read_section
from wesep_like.data.reading import read_ingredients
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.draw import MixturePlanner
from wesep_like.data.simulation.options import SimulationOptions
from wesep_like.data.simulation.plans import MixturePlan
from wesep_like.data.simulation.render import render
from wesep_like.data.store import AudioStore
from wesep_like.models import build_tse

sys.path.append(str(Path(__file__).resolve().parents[1]))
from timing import fresh_process, ratio, seconds_of, shown, synchronise, turns

SAMPLE_RATE = 16000
STAGES = ("draw", "read", "collate", "render", "features")
_CACHE_MEGABYTES = 1500
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Work:
    """What is mixed in one turn.

    Attributes:
        utterances: A manifest.
        options: Of `data.train`, beside that.
        batch: Examples a batch.
        num_batches: A turn.
        is_cached: Whether decoded audio is kept. It is all there when the first turn is over.
        device: Where ours is rendered.
    """

    utterances: str
    options: dict[str, Any] = field(default_factory=dict)
    batch: int = 16
    num_batches: int = 2
    is_cached: bool = False
    device: str = "cpu"

    @property
    def num_examples(self) -> int:
        """Of one turn."""
        return self.batch * self.num_batches


class Pipeline:
    """The parts of the pipeline, ready."""

    def __init__(self, work: Work) -> None:
        options = {"speaker_sampling": "by_duration", **work.options}
        section = read_section(SimulationOptions, {"utterances": work.utterances, **options}, "")
        self.work = work
        self._planner = MixturePlanner.from_manifests(section, SAMPLE_RATE)
        megabytes = _CACHE_MEGABYTES if work.is_cached else 0
        self.store = AudioStore(SAMPLE_RATE, cache_megabytes=megabytes)
        self._features = Fbank(SAMPLE_RATE, num_bins=80, mean_normalize=True).to(work.device)

    def draw(self, number: int) -> MixturePlan:
        """Plan `number`."""
        return self._planner.draw(np.random.default_rng([1, number]), mixture_id=str(number))

    def ours(self) -> dict[str, float]:
        """Seconds of each stage of one turn."""
        seconds = dict.fromkeys(STAGES, 0.0)

        def timed(stage: str, run: Callable[[], _Result]) -> _Result:
            results: list[_Result] = []
            seconds[stage] += seconds_of(lambda: results.append(run()), self.work.device)
            return results[0]

        for first in range(0, self.work.num_examples, self.work.batch):
            numbers = range(first, first + self.work.batch)
            plans = timed("draw", lambda numbers=numbers: list(map(self.draw, numbers)))
            examples = timed("read", lambda plans=plans: [self._read(plan) for plan in plans])
            clips = timed("collate", lambda examples=examples: collate(examples))
            batch = timed("render", lambda clips=clips: render(clips.to(self.work.device)))
            timed("features", lambda batch=batch: self._features(batch.enrollment))
        return seconds

    def plain(self) -> float:
        """Seconds of one turn of the plain pipeline."""
        start = time.perf_counter()
        for number in range(self.work.num_examples):
            mix(self.draw(number))
        return time.perf_counter() - start

    def _read(self, plan: MixturePlan) -> Any:
        return read_ingredients(plan, self.store)


def prepare(work: Work, is_ours: bool) -> None:
    """Makes a process ready: one thread, no gradients."""
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    if is_ours:
        keep_freed_memory()
    global _pipeline
    _pipeline = Pipeline(work)


def ours() -> dict[str, float]:
    """See `Pipeline.ours`."""
    return _pipeline.ours()


def plain() -> float:
    """See `Pipeline.plain`."""
    return _pipeline.plain()


def compared(name: str, work: Work, plain_work: Work, repeats: int) -> str:
    """A line of the first table: ours, with its stages, and how much longer the plain one takes."""
    with ExitStack() as stack:
        own = stack.enter_context(fresh_process(prepare, work, True))
        other = stack.enter_context(fresh_process(prepare, plain_work, False))
        stages: list[dict[str, float]] = []

        def our_turn() -> float:
            stages.append(own.apply(ours))
            return sum(stages[-1].values())

        seconds, plain_seconds = turns([our_turn, partial(other.apply, plain)], repeats)
    count, counted = work.num_examples, stages[-len(seconds) :]
    each = [statistics.median(turn[stage] for turn in counted) for stage in STAGES]
    cells = [
        name,
        "yes" if work.is_cached else "no",
        shown([count / turn for turn in seconds]),
        *(f"{1e3 * stage / count:.3g}" for stage in each),
        shown([count / turn for turn in plain_seconds]),
        ratio(seconds, plain_seconds),
    ]
    return f"| {' | '.join(cells)} |"


def share_of_step(config: Path, work: Work, repeats: int) -> str:
    """How long mixing takes on the device beside a training step of a config's model."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    keep_freed_memory()
    pipeline = Pipeline(replace(work, num_batches=1))
    plans = [pipeline.draw(number) for number in range(work.batch)]
    clips = collate([read_ingredients(plan, pipeline.store) for plan in plans])
    model = build_tse(read_config(config)["model"], SAMPLE_RATE).to(work.device).train()
    batch = render(clips.to(work.device))

    def mixing() -> None:
        with torch.no_grad():
            render(clips.to(work.device))

    def step() -> None:
        model.zero_grad(set_to_none=True)
        model(batch.mixture, batch.enrollment).estimates.square().mean().backward()

    device = work.device
    synchronise(device)
    runs = [partial(seconds_of, run, device) for run in (mixing, step)]
    mixed, stepped = turns(runs, repeats)
    percent = [100 * one / other for one, other in zip(mixed, stepped, strict=True)]
    return (
        f"Mixing {work.batch} x {batch.mixture.shape[-1] / SAMPLE_RATE:g} s on {device}: "
        f"{shown(mixed, 1e-3)} ms, {shown(percent)} % of a training step of {config} "
        f"({shown(stepped, 1e-3)} ms)."
    )


def agreement(work: Work) -> float:
    """The largest difference between a mixture or target of ours and of the plain pipeline."""
    pipeline = Pipeline(work)
    plans = [pipeline.draw(number) for number in range(8)]
    batch = render(collate([read_ingredients(plan, pipeline.store) for plan in plans]))
    differences = []
    for row, plan in enumerate(plans):
        mixture, target, _ = mix(plan)
        differences.append(np.abs(batch.mixture[row].numpy() - mixture).max())
        differences.append(np.abs(batch.target[row].numpy() - target).max())
    return float(max(differences))
