"""The tables of a LibriMix tree: `metadata/mixture_SET_KIND.csv` and `metrics_SET_KIND.csv`.

Mixtures that are simulated here and laid out like LibriMix have the same tables.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wesep_like.config.atomic import atomic_path, make_folder
from wesep_like.data.librimix.layout import heard_in

_NEVER_ZERO = 1e-10  # LibriMix's, in its levels


@dataclass(frozen=True)
class TableRow:
    """What the tables say of one mixture.

    Attributes:
        paths: Of its files, by their folder: s1, s2, ..., noise, and the kinds of mixtures.
        num_samples: Of each of them.
        levels: For each kind of mixture, of each signal in it, by `levels_over_rest`.
    """

    mixture_id: str
    paths: Mapping[str, Path]
    num_samples: int
    levels: Mapping[str, Mapping[str, float]]


def levels_over_rest(mixture: np.ndarray, heard: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Of each signal in a mixture, its power over that of all the rest, in dB.

    With LibriMix's constants against zeros: silence has -100 dB.
    """
    levels = {}
    for name, signal in heard.items():
        rest = np.mean((mixture - signal) ** 2) + _NEVER_ZERO
        levels[name] = float(10 * np.log10(np.mean(signal**2) / rest + _NEVER_ZERO))
    return levels


def write_tables(
    folder: Path, set_name: str, rows: Sequence[TableRow], *, num_sources: int, kinds: Iterable[str]
) -> None:
    """The two tables of each kind of mixture are in `folder`.

    Cells of voices that a mixture does not have are empty. Columns are LibriMix's.

    Args:
        folder: Made if need be.
        set_name: Becomes a part of the files' names, as do the kinds.
        rows: One or more.
        num_sources: Of the mixture that has the most.
        kinds: Some of `KINDS`.

    Raises:
        OutputError: If a file cannot be written.
    """
    make_folder(folder)
    for kind in kinds:
        heard = {name: _column(name) for name in heard_in(kind, num_sources)}
        mixtures, metrics = [], []
        for row in rows:
            paths = {f"{column}_path": row.paths.get(name, "") for name, column in heard.items()}
            levels = row.levels[kind]
            ratios = {f"{column}_SNR": levels.get(name, "") for name, column in heard.items()}
            key = {"mixture_ID": row.mixture_id}
            path = {"mixture_path": row.paths[kind]}
            mixtures.append({**key, **path, **paths, "length": row.num_samples})
            metrics.append({**key, **ratios})
        write_table(folder / f"mixture_{set_name}_{kind}.csv", mixtures)
        write_table(folder / f"metrics_{set_name}_{kind}.csv", metrics)


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """A CSV file with the columns of the first row, whole or not at all.

    Raises:
        OutputError: If it cannot be written.
    """
    with atomic_path(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _column(name: str) -> str:
    return name if name == "noise" else f"source_{name.removeprefix('s')}"
