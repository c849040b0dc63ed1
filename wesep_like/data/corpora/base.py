"""What all corpora are and share: finding sound files, reading headers, writing the data folder."""

from __future__ import annotations

import json
import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import TypeAlias

from wesep_like.audio.io import AudioInfo, info
from wesep_like.data.json_lines import write_json_lines, write_text
from wesep_like.data.manifest import AnyUtterance, Noise, Room, Utterance
from wesep_like.data.premixed import PremixedMixture
from wesep_like.data.simulation.plans import MixturePlan, with_paths
from wesep_like.errors import AudioError


@dataclass(frozen=True)
class Job:
    """A line of a list for `extract --list`; the columns are the names here."""

    mixture: str
    enroll: str
    output: str


Record: TypeAlias = (
    "Utterance | AnyUtterance | Noise | Room | PremixedMixture | MixturePlan | Job | str"
)
# The files of a data folder by name: records for .jsonl and .tsv, a mapping for .json, and for all
# others lines. Paths in records are absolute.
Contents: TypeAlias = Mapping[str, Sequence[Record] | Mapping[str, str]]
Sounds: TypeAlias = Mapping[Path, AudioInfo]
Progress: TypeAlias = Callable[[int, int], None]

SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3"}
_MAX_NAMED = 10
_NUM_THREADS = 8  # enough to hide the waiting of network disks


class Corpus(ABC):
    """A layout. One that has options is a frozen dataclass of them."""

    def find(self, root: Path) -> list[Path]:
        """The sound files of the corpus, in order."""
        return find_sounds(root)

    def look(self, path: Path) -> AudioInfo:
        """What one of them says of itself.

        Raises:
            AudioError: If it cannot be used.
        """
        return info(path)

    @abstractmethod
    def index(self, root: Path, sounds: Sounds) -> Contents:
        """The contents of the data folder.

        Args:
            root: Where the corpus is, absolute.
            sounds: Those that were found and can be read, in order of path.

        Raises:
            ManifestError: If the corpus is not laid out as it should be.
        """


def find_sounds(root: Path, suffixes: Collection[str] = frozenset(SUFFIXES)) -> list[Path]:
    """All sound files below a folder, in order; hidden ones left out, linked folders followed.

    Args:
        root: The folder.
        suffixes: By which they are known.
    """
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
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes
        ]
    return sorted(found)


def scan(
    paths: Sequence[Path],
    look: Callable[[Path], AudioInfo] = info,
    progress: Progress | None = None,
) -> Sounds:
    """What the files that can be read say of themselves; warnings name up to ten of the others.

    Args:
        paths: The files.
        look: What reads one; raises an `AudioError` of those that cannot be used.
        progress: Called with (done, all).
    """

    def tried(path: Path) -> AudioInfo | AudioError:
        try:
            return look(path)
        except AudioError as error:
            return error

    sounds: dict[Path, AudioInfo] = {}
    problems = []
    with ThreadPoolExecutor(_NUM_THREADS) as pool:
        for number, (path, found) in enumerate(zip(paths, pool.map(tried, paths), strict=True), 1):
            if isinstance(found, AudioInfo):
                sounds[path] = found
            else:
                problems.append(f"skipped: {found}")
            if progress is not None:
                progress(number, len(paths))
    warn_of_each(problems, "files")
    return sounds


def warn_of_each(problems: Sequence[str], what: str) -> None:
    """A warning for each of up to ten problems, and one that counts the rest.

    Args:
        problems: Each says what is skipped, and why.
        what: They are, in the plural.
    """
    for problem in problems[:_MAX_NAMED]:
        warnings.warn(problem, stacklevel=4)
    if len(problems) > _MAX_NAMED:
        warnings.warn(f"skipped: {len(problems) - _MAX_NAMED} more {what}", stacklevel=4)


def names_in(folder: Path) -> str:
    """What lies in a folder, for messages: up to ten names."""
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    more = [f"{len(names) - _MAX_NAMED} more"] if len(names) > _MAX_NAMED else []
    return ", ".join([*names[:_MAX_NAMED], *more]) or "nothing"


def write_contents(folder: Path, root: Path, contents: Contents) -> None:
    """Write the files of a data folder.

    Raises:
        OutputError: If one cannot be written.
    """
    real = folder.resolve()
    is_one_tree = real.is_relative_to(root) or root.is_relative_to(real)
    for name, content in contents.items():
        path = folder / name
        if isinstance(content, Mapping):
            write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
            continue
        if is_one_tree:
            seen_from = (real / name).parent
            content = [_movable(record, root, seen_from) for record in content]
        if path.suffix == ".jsonl":
            write_json_lines(path, content)
        elif path.suffix == ".tsv":
            rows = [astuple(job) for job in content if isinstance(job, Job)]
            rows.insert(0, tuple(field.name for field in fields(Job)))
            write_text(path, "".join("\t".join(row) + "\n" for row in rows))
        else:
            write_text(path, "".join(f"{line}\n" for line in content))


def _movable(record: Record, root: Path, folder: Path) -> Record:
    """The record with paths below `root` as seen from `folder`."""

    def relative(path: str) -> str:
        is_below = Path(path).is_relative_to(root)
        return Path(os.path.relpath(path, folder)).as_posix() if is_below else path

    if isinstance(record, str):
        return record
    if isinstance(record, MixturePlan):
        return with_paths(record, relative)
    if isinstance(record, PremixedMixture):
        return record.with_paths(relative)
    if isinstance(record, Job):
        return replace(record, mixture=relative(record.mixture), enroll=relative(record.enroll))
    return replace(record, path=relative(record.path))
