"""LibriMix's published metadata: what each mixture is made of, a line each.

`libri2mix_test-clean.csv` has the columns `mixture_ID, source_1_path, source_1_gain, source_2_path,
source_2_gain, noise_path, noise_gain`; Libri3Mix's have three sources. Paths of sources are below
LibriSpeech's folder, those of noises below that of WHAM!'s.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wesep_like.config.sections import nearest
from wesep_like.data.librimix.tables import write_table
from wesep_like.data.text_lines import raise_problems, read_table
from wesep_like.errors import ManifestError

_NAME = re.compile(r"libri([1-9]\d?)mix_(.+)\.csv")
# What else is in LibriMix's folders: the sexes of the speakers.
_OTHER = "_info.csv"


@dataclass(frozen=True)
class MetadataFile:
    """The metadata of one set.

    Attributes:
        num_sources: 2 for Libri2Mix.
        set_name: Folder of the set in the tree, such as train-100, dev, test.
    """

    path: Path
    num_sources: int
    set_name: str


@dataclass(frozen=True)
class ScaledFile:
    """A sound file below its corpus, and the factor that it is mixed with."""

    path: str
    gain: float


@dataclass(frozen=True)
class MetadataRow:
    """What one mixture is made of.

    Attributes:
        noise: None in metadata without noise.
        where: File and line, for messages.
    """

    mixture_id: str
    sources: tuple[ScaledFile, ...]
    noise: ScaledFile | None
    where: str = field(default="", compare=False)

    @property
    def files(self) -> tuple[ScaledFile, ...]:
        """All that is heard in it, the noise last."""
        return self.sources if self.noise is None else (*self.sources, self.noise)


def find_metadata(folder: str | Path, sets: Collection[str] | None = None) -> list[MetadataFile]:
    """The metadata in a folder, in order of their names.

    Args:
        folder: With `libri2mix_test-clean.csv` and the like.
        sets: Only these, called as in the tree; None: all.

    Raises:
        ManifestError: If there is none, or none of a set that is asked for.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ManifestError(f"{folder}: there is no such folder. Give LibriMix's metadata")
    found = []
    for path in sorted(folder.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match and not path.name.endswith(_OTHER):
            found.append(MetadataFile(path, int(match[1]), match[2].replace("-clean", "")))
    if not found:
        below = ", ".join(str(f) for f in sorted({p.parent for p in folder.glob("*/libri*mix_*")}))
        hint = f"There are some in {below}" if below else "Give LibriMix's metadata/Libri2Mix"
        raise ManifestError(f"{folder}: no file in it is called libri2mix_SET.csv. {hint}")
    names = sorted({file.set_name for file in found})
    for name in sets or ():
        if name not in names:
            raise ManifestError(
                f"{folder}: has no metadata of a set {name!r}{nearest(name, names)}. "
                f"Sets: {', '.join(names)}"
            )
    found = [file for file in found if sets is None or file.set_name in sets]
    of_set: dict[tuple[int, str], Path] = {}
    for file in found:
        other = of_set.setdefault((file.num_sources, file.set_name), file.path)
        if other != file.path:
            raise ManifestError(
                f"{file.path}: would become the set {file.set_name!r}, as {other.name} does. "
                "Keep one of them"
            )
    return found


def read_metadata(file: MetadataFile) -> list[MetadataRow]:
    """All lines of one file, checked; columns that are not LibriMix's are left alone.

    Raises:
        ManifestError: If it cannot be read, or lines are wrong; tells up to ten of them, then a
            count.
    """
    table = read_table(file.path, "CSV", "Give LibriMix's metadata.")
    columns = [name for n in range(file.num_sources) for name in _columns(f"source_{n + 1}")]
    if missing := [name for name in ("mixture_ID", *columns) if name not in table.columns]:
        raise ManifestError(
            f"{file.path}:1: has no column {missing[0]}. "
            f"Expected mixture_ID, {', '.join(columns)}, and noise_path, noise_gain"
        )
    has_noise = set(_columns("noise")) <= set(table.columns)
    rows: dict[str, MetadataRow] = {}
    problems = []
    for number, cells in table.rows:
        where = f"{file.path}:{number}"
        try:
            row = _row(cells, file.num_sources, has_noise, where)
        except ValueError as error:
            problems.append(f"{where}: {error}")
            continue
        first = rows.setdefault(row.mixture_id, row)
        if first is not row:
            line = first.where.rpartition(":")[2]
            problems.append(f"{where}: {row.mixture_id!r} is already on line {line}")
    raise_problems(file.path, problems)
    if not rows:
        raise ManifestError(f"{file.path}: no mixtures in it. Expected one a line")
    return list(rows.values())


def write_metadata(path: Path, rows: Iterable[MetadataRow]) -> None:
    """The file holds the rows, one or more, as LibriMix's metadata.

    Raises:
        OutputError: If it cannot be written.
    """
    write_table(path, [_cells(row) for row in rows])


def _columns(signal: str) -> tuple[str, str]:
    return f"{signal}_path", f"{signal}_gain"


def _row(
    cells: Mapping[str, str | None], num_sources: int, has_noise: bool, where: str
) -> MetadataRow:
    """ValueError says what is wrong, without where."""
    name = cells["mixture_ID"] or ""
    if Path(name).name != name or name in ("", ".."):
        raise ValueError(f"mixture_ID: expected the name of a file, got {name!r}")
    sources = tuple(_scaled_file(cells, f"source_{n + 1}") for n in range(num_sources))
    noise = _scaled_file(cells, "noise") if has_noise else None
    return MetadataRow(name, sources, noise, where)


def _scaled_file(cells: Mapping[str, str | None], signal: str) -> ScaledFile:
    path_column, gain_column = _columns(signal)
    path, text = cells[path_column], cells[gain_column]
    if not path:
        raise ValueError(f"{path_column}: there is none")
    try:
        gain = float(text or "")
    except ValueError:
        gain = math.nan
    if not 0 < gain < math.inf:
        raise ValueError(f"{gain_column}: expected a number above 0, got {text or ''!r}")
    return ScaledFile(path, gain)


def _cells(row: MetadataRow) -> dict[str, str | float]:
    cells: dict[str, str | float] = {"mixture_ID": row.mixture_id}
    signals = {f"source_{n}": source for n, source in enumerate(row.sources, start=1)}
    if row.noise is not None:
        signals["noise"] = row.noise
    for signal, file in signals.items():
        path_column, gain_column = _columns(signal)
        cells |= {path_column: file.path, gain_column: file.gain}
    return cells
