"""LibriMix is made: from metadata, LibriSpeech and WHAM! to a tree of sound files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from wesep_like.audio import io
from wesep_like.config.atomic import make_folder
from wesep_like.data.librimix.layout import (
    KINDS,
    NOISY_KINDS,
    SetFolder,
    Variant,
    heard_in,
    ordered_kinds,
)
from wesep_like.data.librimix.metadata import (
    MetadataFile,
    MetadataRow,
    find_metadata,
    read_metadata,
)
from wesep_like.data.librimix.mixing import at_rate, fitted, mixed, read_scaled
from wesep_like.data.librimix.record import SetRecord
from wesep_like.data.librimix.tables import TableRow, levels_over_rest, write_tables
from wesep_like.data.processes import in_processes
from wesep_like.errors import AudioError, ConfigError, ManifestError

# Of each kind of mixture, of each signal in it, in dB.
_Levels: TypeAlias = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class BuiltSet:
    """What there is of one set in one variant.

    Attributes:
        num_mixtures: That are there now.
        num_new: That were made by this call.
        seconds: Of all mixtures.
    """

    path: Path
    num_mixtures: int
    num_new: int
    seconds: float


@dataclass(frozen=True)
class Built:
    """What `build_tree` did.

    Attributes:
        problems: A line for each mixture that could not be made, beginning with file and line of
            the metadata.
    """

    sets: Sequence[BuiltSet]
    problems: Sequence[str]


def build_tree(
    metadata: str | Path,
    librispeech: str | Path,
    output: str | Path,
    *,
    wham: str | Path | None = None,
    variants: Sequence[Variant] = (Variant(16000, "min"),),
    kinds: Collection[str] | None = None,
    sets: Collection[str] | None = None,
    num_workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Built:
    """LibriMix is below `output`, as the scripts of its authors make it (see `mixing`).

    The same metadata and recordings give the same bytes, whatever the number of processes. What is
    there already stays, if it was made from the same lines of metadata; so a run that was broken
    off goes on, and kinds, variants, sets and lines can be added later. A mixture of which a file
    cannot be read is left out, of the tables too. That recordings have changed is not seen.

    Args:
        metadata: Folder of LibriMix's CSV files.
        librispeech: What the paths of sources are below.
        output: Gets `Libri2Mix`, `Libri3Mix` or both.
        wham: What the paths of noises are below; None: no noise.
        variants: At which rates, in which modes.
        kinds: Some of `layout.KINDS`; all but mix_clean want `wham`. None: all that can be made.
        sets: Only these: train-100, dev, test; None: all of which there is metadata.
        num_workers: Processes; 0: this one. They are spawned, so a script that asks for them needs
            `if __name__ == "__main__":`.
        progress: Called with (mixtures done, all).

    Raises:
        ConfigError: If there is no such kind, or it wants noise and there is none.
        ManifestError: If metadata are wrong or a folder is missing.
        OutputError: If files cannot be written, or were made from other metadata.
    """
    librispeech = _corpus(librispeech)
    wham = None if wham is None else _corpus(wham)
    kinds = ordered_kinds((KINDS if wham else KINDS[:1]) if kinds is None else kinds)
    found = [(file, read_metadata(file)) for file in find_metadata(metadata, sets)]
    for file, rows in found:
        _check_noise(file, rows, kinds, wham)
    root = make_folder(output)
    works = [_Work(file, rows, root, variants, kinds) for file, rows in found]
    jobs = [(work, job) for work in works for job in work.jobs]
    num_rows = sum(len(rows) for _, rows in found)
    make = partial(_make, kinds=kinds, librispeech=librispeech, wham=wham)
    all_made = in_processes(make, (job for _, job in jobs), num_workers)
    for done, ((work, _), made) in enumerate(zip(jobs, all_made, strict=True), start=1):
        work.add(made)
        if progress is not None:
            progress(num_rows - len(jobs) + done, num_rows)
    built = [one for work in works for one in work.finish()]
    problems = [problem for work in works for problem in work.problems]
    return Built(built, problems)


@dataclass(frozen=True)
class _Job:
    """What is to be made of one line of metadata."""

    row: MetadataRow
    folders: tuple[SetFolder, ...]


@dataclass(frozen=True)
class _Made:
    """What became of a job: in each folder a length in samples, and levels; or a problem."""

    job: _Job
    mixtures: Mapping[SetFolder, tuple[int, _Levels]]
    problem: str = ""


class _Work:
    """One file of metadata: what of it is there, and what is to be made."""

    def __init__(
        self,
        file: MetadataFile,
        rows: Sequence[MetadataRow],
        root: Path,
        variants: Sequence[Variant],
        kinds: Sequence[str],
    ) -> None:
        self._rows = rows
        self._kinds = kinds
        folders = [SetFolder(root, file.set_name, file.num_sources, v) for v in variants]
        self._records = {folder: SetRecord(folder, rows, kinds) for folder in folders}
        self._num_new = dict.fromkeys(folders, 0)
        self.problems: list[str] = []
        self.jobs = []
        for row in rows:
            missing = [f for f in folders if self._records[f].find(row.mixture_id) is None]
            if missing:
                self.jobs.append(_Job(row, tuple(missing)))

    def add(self, made: _Made) -> None:
        """Notes what became of a job."""
        if made.problem:
            self.problems.append(made.problem)
        for folder, (length, levels) in made.mixtures.items():
            self._records[folder].add(made.job.row, length, levels)
            self._num_new[folder] += 1

    def finish(self) -> list[BuiltSet]:
        """Writes the tables of all that is there."""
        built = []
        for folder, record in self._records.items():
            record.write()
            made = [one for row in self._rows if (one := record.find(row.mixture_id)) is not None]
            absolute = replace(folder, root=folder.root.resolve())
            rows = [
                TableRow(
                    one.id,
                    {name: absolute.file(name, one.id) for name in folder.signals(self._kinds)},
                    one.num_samples,
                    one.levels,
                )
                for one in made
            ]
            if rows:
                write_tables(
                    folder.tables,
                    folder.set_name,
                    rows,
                    num_sources=folder.num_sources,
                    kinds=self._kinds,
                )
            seconds = sum(one.num_samples for one in made) / folder.variant.sample_rate
            built.append(BuiltSet(folder.path, len(made), self._num_new[folder], seconds))
        return built


def _make(job: _Job, kinds: Sequence[str], librispeech: Path, wham: Path | None) -> _Made:
    """The files of one line of metadata are in the job's folders."""
    needs_noise = any(kind in NOISY_KINDS for kind in kinds)
    try:
        scaled = read_scaled(job.row, librispeech, wham if needs_noise else None)
    except AudioError as error:
        return _Made(job, {}, f"{job.row.where}: {error}")
    rates = {folder.variant.sample_rate for folder in job.folders}
    resampled = {rate: at_rate(scaled, rate) for rate in rates}
    mixtures = {}
    for folder in job.folders:
        rate, num_sources = folder.variant.sample_rate, folder.num_sources
        signals = fitted(resampled[rate], folder.variant.mode)
        levels = {}
        for kind in kinds:
            heard = {name: signals[name] for name in heard_in(kind, num_sources)}
            signals[kind] = mixed(list(heard.values()))
            levels[kind] = levels_over_rest(signals[kind], heard)
        for name, signal in signals.items():
            path = folder.file(name, job.row.mixture_id)
            io.write_unscaled(path, signal, rate, subtype="PCM_16")
        mixtures[folder] = len(signals["s1"]), levels
    return _Made(job, mixtures)


def _corpus(root: str | Path) -> Path:
    root = Path(root)
    if not root.is_dir():
        raise ManifestError(f"{root}: there is no such folder. Give the root of the corpus")
    return root


def _check_noise(
    file: MetadataFile, rows: Sequence[MetadataRow], kinds: Sequence[str], wham: Path | None
) -> None:
    """Goes on only if there is noise, should a kind of mixture want it."""
    for kind in kinds:
        if kind not in NOISY_KINDS:
            continue
        if wham is None:
            raise ConfigError(
                f"mixtures: {kind} wants noise. Name WHAM!'s folder, or ask for mix_clean"
            )
        if rows[0].noise is None:
            raise ManifestError(
                f"{file.path}:1: has no columns noise_path and noise_gain, which {kind} wants. "
                "Ask for mix_clean"
            )
