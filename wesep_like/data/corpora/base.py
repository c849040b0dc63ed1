"""What all corpora are and share: finding sound files, reading headers, writing the data folder."""

from __future__ import annotations

import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from wesep_like.audio.io import AudioInfo, info
from wesep_like.data.json_lines import write_json_lines, write_text
from wesep_like.data.manifest import Noise, Room, Utterance
from wesep_like.data.premixed import PremixedMixture
from wesep_like.data.simulation.plans import MixturePlan, with_paths
from wesep_like.errors import AudioError

Record: TypeAlias = "Utterance | Noise | Room | PremixedMixture | MixturePlan | str"
# The files of a data folder by name: records for .jsonl, lines for .txt. Paths in them are
# absolute.
Contents: TypeAlias = Mapping[str, Sequence[Record]]
Sounds: TypeAlias = Mapping[Path, AudioInfo]
Progress: TypeAlias = Callable[[int, int], None]

_SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3"}
_MAX_NAMED = 10
_NUM_THREADS = 8  # enough to hide the waiting of network disks


class Corpus(ABC):
    """A layout. One that has options is a frozen dataclass of them."""

    def find(self, root: Path) -> list[Path]:
        """The sound files of the corpus, in order."""
        return find_sounds(root)

    @abstractmethod
    def index(self, root: Path, sounds: Sounds) -> Contents:
        """The contents of the data folder.

        Args:
            root: Where the corpus is, absolute.
            sounds: Those that were found and can be read, in order of path.

        Raises:
            ManifestError: If the corpus is not laid out as it should be.
        """


def find_sounds(root: Path) -> list[Path]:
    """All sound files below a folder, in order; hidden ones left out, linked folders followed."""
    found, seen = [], set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link back up would never end
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        found += [
            Path(folder, name)
            for name in names
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in _SUFFIXES
        ]
    return sorted(found)


def scan(paths: Sequence[Path], progress: Progress | None = None) -> Sounds:
    """What the files that can be read say of themselves; warnings name up to ten of the others."""
    sounds: dict[Path, AudioInfo] = {}
    problems = []
    with ThreadPoolExecutor(_NUM_THREADS) as pool:
        for number, (path, found) in enumerate(zip(paths, pool.map(_info, paths), strict=True), 1):
            if isinstance(found, AudioInfo):
                sounds[path] = found
            else:
                problems.append(f"skipped: {found}")
            if progress is not None:
                progress(number, len(paths))
    for problem in problems[:_MAX_NAMED]:
        warnings.warn(problem, stacklevel=3)
    if len(problems) > _MAX_NAMED:
        warnings.warn(f"skipped: {len(problems) - _MAX_NAMED} more files", stacklevel=3)
    return sounds


def write_contents(folder: Path, root: Path, contents: Contents) -> None:
    """Write the files of a data folder.

    Raises:
        OutputError: If one cannot be written.
    """
    real = folder.resolve()
    is_one_tree = real.is_relative_to(root) or root.is_relative_to(real)
    for name, records in contents.items():
        path = folder / name
        if path.suffix == ".txt":
            write_text(path, "".join(f"{line}\n" for line in records))
        elif is_one_tree:
            seen_from = (real / name).parent
            write_json_lines(path, [_movable(record, root, seen_from) for record in records])
        else:
            write_json_lines(path, records)


def _info(path: Path) -> AudioInfo | AudioError:
    try:
        return info(path)
    except AudioError as error:
        return error


def _movable(record: Record, root: Path, folder: Path) -> Record:
    """The record with paths below `root` as seen from `folder`."""

    def relative(path: str) -> str:
        is_below = Path(path).is_relative_to(root)
        return Path(os.path.relpath(path, folder)).as_posix() if is_below else path

    if isinstance(record, MixturePlan):
        return with_paths(record, relative)
    if isinstance(record, PremixedMixture):
        return record.with_paths(relative)
    assert not isinstance(record, str)
    return replace(record, path=relative(record.path))
