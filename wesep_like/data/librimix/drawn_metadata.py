"""Metadata for a LibriMix of one's own: any folder laid out as LibriSpeech, mixed as LibriMix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from wesep_like.audio.loudness import integrated_loudness
from wesep_like.config.atomic import make_folder
from wesep_like.data.corpora.base import find_sounds, scan
from wesep_like.data.librimix.metadata import (
    MetadataFile,
    MetadataRow,
    ScaledFile,
    read_metadata,
    write_metadata,
)
from wesep_like.data.librimix.mixing import FADE_SAMPLES, SOURCE_RATE, read_scaled
from wesep_like.data.manifest import Noise, Utterance
from wesep_like.data.processes import in_processes
from wesep_like.data.simulation.draw.librimix import LibriMixPlan, draw_librimix
from wesep_like.errors import ConfigError, ManifestError, OutputError, SilentSignalError

T = TypeVar("T")

_HIGHEST_PEAK = 0.9
# WHAM!'s folders of noises, by how the names of LibriSpeech's subsets begin.
_WHAM_FOLDERS = {"train": "tr", "dev": "cv", "test": "tt"}


@dataclass(frozen=True)
class Share:
    """A part of a list: from this share of it to that, so that several sets can be disjoint."""

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high <= 1:
            raise ConfigError(
                f"share: expected two numbers, 0 <= low < high <= 1, got {self.low:g} {self.high:g}"
            )

    def of(self, items: Sequence[T]) -> Sequence[T]:
        """The part of these."""
        return items[round(self.low * len(items)) : round(self.high * len(items))]


@dataclass(frozen=True)
class DrawOptions:
    """What a set is drawn from.

    Args:
        subset: Folder of LibriSpeech.
        set_name: What the set is called; None: as the subset.
        num_sources: 2 for Libri2Mix.
        speakers: Which of the speakers, in the order of their names.
        utterances: Which utterances of each speaker, likewise.
        noises: Which noises, likewise.
        min_seconds: Shorter utterances are left out.
        has_lone_interferers: Whether speakers with one utterance are heard too, after source 1.
    """

    subset: str
    set_name: str | None = None
    num_sources: int = 2
    speakers: Share = Share()
    utterances: Share = Share()
    noises: Share = Share()
    min_seconds: float = 3.0
    has_lone_interferers: bool = False


def draw_metadata(
    librispeech: str | Path,
    output: str | Path,
    num: int,
    options: DrawOptions,
    *,
    wham: str | Path | None = None,
    seed: int = 1,
    num_workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """A file of metadata in the form of LibriMix's is in `output`; returns its path.

    As in LibriMix, voices are of -33 to -25 LUFS and noises of -38 to -30, each over the whole of
    the longest voice; then all is turned down, if need be, to a peak of the mixture of 0.9.
    Deviations: speakers are such as have two utterances in the set, so that one can enroll for the
    other; utterances come again when all were taken; pairs and numbers are other ones.

    Args:
        librispeech: With SUBSET/SPEAKER/CHAPTER/UTTERANCE in it.
        output: Made if need be.
        num: How many mixtures.
        options: Of what.
        wham: Folder of noises; of its parts tr, cv and tt, if it has these, that of the set.
        seed: Another seed, other mixtures.
        num_workers: Processes that measure loudness; 0: this one.
        progress: Called with (mixtures done, all).

    Raises:
        ManifestError: If there is too little in the corpus.
        AudioError: If a recording cannot be read.
        OutputError: If the file cannot be written, or is there and has other mixtures in it.
    """
    librispeech = Path(librispeech)
    set_name = options.set_name or options.subset
    path = Path(output) / f"libri{options.num_sources}mix_{set_name}.csv"
    utterances = _utterances(librispeech, options)
    noises = [] if wham is None else _noises(Path(wham), options)
    plans = draw_librimix(
        np.random.default_rng(seed),
        utterances,
        noises,
        num,
        num_sources=options.num_sources,
        has_lone_interferers=options.has_lone_interferers,
    )
    # Before loudness is measured, which takes long.
    _check_not_others(MetadataFile(path, options.num_sources, set_name), plans)
    measure = partial(_scaled, librispeech=librispeech, wham=None if wham is None else Path(wham))
    rows = []
    for row in in_processes(measure, plans, num_workers):
        rows.append(row)
        if progress is not None:
            progress(len(rows), num)
    make_folder(output)
    write_metadata(path, rows)
    return path


def _utterances(librispeech: Path, options: DrawOptions) -> list[Utterance]:
    """Those of the options' share, with paths below the root."""
    folder = librispeech / options.subset
    of_speaker: dict[str, list[Utterance]] = {}
    for path, sound in scan(find_sounds(folder)).items():
        inside = path.relative_to(librispeech)
        speaker = inside.parts[1]
        if sound.num_samples >= options.min_seconds * sound.sample_rate:
            utterance = Utterance(
                path.stem, speaker, inside.as_posix(), sound.num_samples, sound.sample_rate
            )
            of_speaker.setdefault(speaker, []).append(utterance)
    if not of_speaker:
        raise ManifestError(
            f"{folder}: has no utterances of {options.min_seconds:g} s or more. "
            "Expected SPEAKER/CHAPTER/UTTERANCE.flac in it"
        )
    speakers = options.speakers.of(sorted(of_speaker))
    return [u for speaker in speakers for u in options.utterances.of(of_speaker[speaker])]


def _noises(wham: Path, options: DrawOptions) -> list[Noise]:
    set_name = options.set_name or options.subset
    parts = [part for start, part in _WHAM_FOLDERS.items() if set_name.startswith(start)]
    folder = next((wham / part for part in parts if (wham / part).is_dir()), wham)
    noises = [
        Noise(path.stem, path.relative_to(wham).as_posix(), sound.num_samples, sound.sample_rate)
        for path, sound in scan(find_sounds(folder)).items()
        if sound.num_samples >= FADE_SAMPLES
    ]
    noises = list(options.noises.of(noises))
    if not noises:
        raise ManifestError(f"{folder}: has no noises of half a second or more. Name WHAM!'s")
    return noises


def _unscaled(plan: LibriMixPlan) -> MetadataRow:
    """The plan with gains of 1."""
    sources = tuple(ScaledFile(source.path, 1.0) for source in plan.sources)
    noise = None if plan.noise is None else ScaledFile(plan.noise.path, 1.0)
    return MetadataRow("_".join(source.id for source in plan.sources), sources, noise)


def _check_not_others(file: MetadataFile, plans: Sequence[LibriMixPlan]) -> None:
    """Goes on only if the file is not there, or has these mixtures, with whatever gains."""
    if not file.path.exists():
        return
    try:
        there = [_files(row) for row in read_metadata(file)]
    except ManifestError:
        there = []
    if there != [_files(_unscaled(plan)) for plan in plans]:
        raise OutputError(
            f"{file.path}: is there, with other mixtures than would be drawn. Give another folder "
            "or name of the set, or remove it"
        )


def _files(row: MetadataRow) -> tuple[str, list[str]]:
    """A mixture's name and files."""
    return row.mixture_id, [file.path for file in row.files]


def _scaled(plan: LibriMixPlan, librispeech: Path, wham: Path | None) -> MetadataRow:
    """The plan with the gains that make it as loud as it says."""
    row = _unscaled(plan)
    signals = read_scaled(row, librispeech, wham)
    longest = max(len(signal) for signal in signals.values())
    heard = np.stack([np.pad(s, (0, longest - len(s))) for s in signals.values()])
    heard = heard.astype(np.float32)
    measured = integrated_loudness(torch.from_numpy(heard), SOURCE_RATE).numpy()
    for file, loudness in zip(row.files, measured, strict=True):
        if not np.isfinite(loudness):
            raise SilentSignalError(f"{file.path}: is silent. Take it out of the corpus")
    wanted = np.array(plan.loudness_lufs[: len(row.files)])
    # None clips on its own, nor do all together.
    gains = 10 ** ((wanted - measured) / 20)
    peaks = np.abs(heard).max(axis=1)
    gains = np.where(gains * peaks >= 1, _HIGHEST_PEAK / peaks, gains)
    peak = np.abs(gains @ heard).max()
    gains *= min(1.0, _HIGHEST_PEAK / peak)
    scaled = [ScaledFile(f.path, float(gain)) for f, gain in zip(row.files, gains, strict=True)]
    noise = scaled.pop() if row.noise else None
    return replace(row, sources=tuple(scaled), noise=noise)
