"""Simulated mixtures as files, laid out as LibriMix lays out its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from wesep_like.audio import io
from wesep_like.config.atomic import make_folder
from wesep_like.data.librimix.layout import TABLES, heard_in
from wesep_like.data.librimix.tables import TableRow, levels_over_rest, write_tables
from wesep_like.data.processes import in_processes
from wesep_like.data.reading import read_ingredients
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.draw import MixturePlanner
from wesep_like.data.simulation.plans import MixturePlan, with_paths, write_plans
from wesep_like.data.simulation.render import render
from wesep_like.data.store import AudioStore
from wesep_like.errors import AudioError

PLANS = "mixtures.jsonl"
_HIGHEST_PEAK = 0.99
_ATTEMPTS = 20


@dataclass(frozen=True)
class Written:
    """What became of one plan.

    Attributes:
        row: Of the tables; None if it was left out.
        problem: Why it was.
    """

    plan: MixturePlan
    row: TableRow | None
    problem: str = ""


def draw_named(planner: MixturePlanner, num: int, seed: int) -> Iterator[MixturePlan]:
    """Plans 0 to `num` of a seed, named as in LibriMix: by what is heard, the target first.

    A pair that comes again is drawn anew, and gets a number where nothing else is left.
    """
    taken: set[str] = set()
    for number in range(num):
        for attempt in range(_ATTEMPTS):
            plan = planner.draw(np.random.default_rng([seed, number, attempt]))
            heard = plan.sources[plan.reference :]
            name = "_".join(Path(source.clip.path).stem for source in heard)
            if name not in taken:
                break
        else:
            name = f"{name}-{number}"
        taken.add(name)
        yield replace(plan, id=name)


def write_simulated(
    plans: Sequence[MixturePlan],
    folder: str | Path,
    *,
    num_workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Written]:
    """The mixtures of `plans` are below `folder`, 16-bit WAV, with their metadata.

    There are `mix_clean` (all voices), `mix_both` (and noise), `s1` (the target, which is silence
    where it is absent), `s2` and so on (the interferers), `noise`, `enrollment`; `metadata`, with
    paths and lengths and with the levels in dB of each source over the others, in the columns of
    LibriMix; and `mixtures.jsonl`, the plans themselves. A mixture of which a file cannot be read
    is left out.

    Args:
        plans: At one sample rate.
        folder: Made if need be; what is there of an earlier run is written anew.
        num_workers: Processes; 0: this one.
        progress: Called with (done, all).

    Raises:
        OutputError: If nothing can be written there.
    """
    folder = make_folder(folder)
    num_sources = max(len(plan.sources) for plan in plans)
    kinds = ["mix_clean", "enrollment", *(f"s{number + 1}" for number in range(num_sources))]
    has_noise = any(plan.noise is not None for plan in plans)
    if has_noise:
        kinds += ["mix_both", "noise"]
    for kind in kinds:
        make_folder(folder / kind)
    write = partial(_write_one, folder=folder.resolve(), has_noise=has_noise)
    written = []
    for one in in_processes(write, plans, num_workers):
        written.append(one)
        if progress:
            progress(len(written), len(plans))
    rows = [one.row for one in written if one.row is not None]
    if rows:
        write_tables(
            folder / TABLES,
            folder.resolve().name,
            rows,
            num_sources=num_sources,
            kinds=_kinds(has_noise),
        )
        kept = [one.plan for one in written if one.row is not None]
        write_plans(folder / PLANS, (with_paths(plan, _absolute) for plan in kept))
    return written


def _write_one(plan: MixturePlan, folder: Path, has_noise: bool) -> Written:
    try:
        example = read_ingredients(plan, AudioStore(plan.sample_rate))
    except AudioError as error:
        return Written(plan, None, str(error))
    batch = render(collate([example]))
    clean = batch.mixture - batch.noise
    signals = {"mix_clean": clean, "s1": batch.target}
    for number in range(len(plan.interferers)):
        signals[f"s{number + 2}"] = batch.interferers[:, number]
    if has_noise:
        signals |= {"mix_both": batch.mixture, "noise": batch.noise}
    # One factor for all, so that the mixture stays the sum of its parts.
    peak = max(float(signal.abs().max()) for signal in signals.values())
    factor = min(1.0, _HIGHEST_PEAK / peak) if peak > 0 else 1.0
    paths = {}
    for kind, signal in signals.items():
        paths[kind] = folder / kind / f"{plan.id}.wav"
        io.write(paths[kind], (signal[0] * factor).numpy(), plan.sample_rate)
    enrollment = batch.enrollment[0].numpy()
    io.write(folder / "enrollment" / f"{plan.id}.wav", enrollment, plan.sample_rate)
    levels = {
        kind: levels_over_rest(
            signals[kind][0].numpy(),
            {name: signals[name][0].numpy() for name in heard_in(kind, 1 + len(plan.interferers))},
        )
        for kind in _kinds(has_noise)
    }
    return Written(plan, TableRow(plan.id, paths, plan.num_samples, levels))


def _kinds(has_noise: bool) -> list[str]:
    return ["mix_clean", "mix_both"] if has_noise else ["mix_clean"]


def _absolute(path: str) -> str:
    return str(Path(path).resolve())
