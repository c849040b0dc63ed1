"""Mixtures as files, laid out as LibriMix lays them out."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wesep_like.audio import io
from wesep_like.audio.levels import rms_db
from wesep_like.config.atomic import atomic_path, make_folder
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
        row: Of the metadata; None if it was left out.
        problem: Why it was.
    """

    plan: MixturePlan
    row: Mapping[str, Any] | None
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


def write_librimix(
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
        _write_metadata(folder, rows, num_sources, has_noise)
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
    row = {"mixture_ID": plan.id, "length": plan.num_samples, "paths": paths}
    voices = {name: signals[name] for name in signals if name.startswith("s")}
    levels = {"mix_clean": _levels(voices), "mix_both": _levels(voices | {"noise": batch.noise})}
    return Written(plan, row | {"levels": levels})


def _levels(heard: Mapping[str, Tensor]) -> dict[str, float]:
    """Of each signal, its energy over that of the sum of all others, in dB."""
    levels = {}
    for name, signal in heard.items():
        others = (other for key, other in heard.items() if key != name)
        rest = sum(others, torch.zeros_like(signal))
        levels[name] = float(rms_db(signal) - rms_db(rest))
    return levels


def _write_metadata(
    folder: Path, rows: Sequence[Mapping[str, Any]], num_sources: int, has_noise: bool
) -> None:
    """`mixture_SET_KIND.csv` and `metrics_SET_KIND.csv`, SET being the folder's name."""
    metadata = make_folder(folder / "metadata")
    voices = [f"s{number + 1}" for number in range(num_sources)]
    for kind in ["mix_clean", *(["mix_both"] if has_noise else [])]:
        heard = {voice: f"source_{number + 1}" for number, voice in enumerate(voices)}
        heard |= {"noise": "noise"} if kind == "mix_both" else {}
        paths, levels = [], []
        for row in rows:
            name, of_kind = {"mixture_ID": row["mixture_ID"]}, row["levels"][kind]
            files = {f"{column}_path": row["paths"].get(key, "") for key, column in heard.items()}
            ratios = {f"{column}_SNR": of_kind.get(key, "") for key, column in heard.items()}
            mixture = {"mixture_path": row["paths"][kind]}
            paths.append({**name, **mixture, **files, "length": row["length"]})
            levels.append({**name, **ratios})
        end = f"{folder.resolve().name}_{kind}.csv"
        _write_table(metadata / f"mixture_{end}", paths)
        _write_table(metadata / f"metrics_{end}", levels)


def _write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with atomic_path(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _absolute(path: str) -> str:
    return str(Path(path).resolve())
