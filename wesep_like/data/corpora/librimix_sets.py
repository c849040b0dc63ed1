"""What there is of a LibriMix tree: ROOT/wav16k/min/SET/{mix_clean,mix_both,s1,s2,noise,...}."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wesep_like.data.corpora.base import SUFFIXES, names_in
from wesep_like.data.corpora.kaldi_lists import Voice
from wesep_like.data.text_lines import read_table
from wesep_like.errors import ManifestError

_FORM = "wav16k|wav8k/min|max/SET/mix_clean|mix_both|mix_single, with s1 and s2 beside the mixtures"
_MAX_NAMED = 12
SINGLE = "mix_single"  # s1 and noise; all others have every voice
CLEAN = "mix_clean"  # all others have noise


@dataclass(frozen=True)
class MixtureSet:
    """One set of mixtures of one kind.

    Args:
        folder: Of the set.
        kind: The folder of the mixtures in it.
        voices: The folders of sources in it, s1 first.
        files: Sound files by folder and by name without suffix.
    """

    folder: Path
    kind: str
    voices: tuple[str, ...]
    files: Mapping[str, Mapping[str, Path]]

    @property
    def sources(self) -> tuple[str, ...]:
        """The folders of the sources that are in the mixtures."""
        return self.voices[:1] if self.kind == SINGLE else self.voices

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders in each of which every mixture has a file, its own first."""
        return (self.kind, *self.sources, *(() if self.kind == CLEAN else ("noise",)))

    @property
    def ids(self) -> list[str]:
        """Of all mixtures of which there is any file, in order."""
        return sorted({name for part in self.parts for name in self.files[part]})

    def path(self, part: str, mixture: str) -> Path:
        """The file of a mixture in one of the folders, which may be missing."""
        return self.files[part].get(mixture) or self.folder / part / f"{mixture}.wav"

    def voice(self, number: int, mixture: str) -> Voice | None:
        """Source `number`, from 0, of a mixture; None if the mixture's name does not tell it."""
        utterances = utterances_in(mixture)
        is_single = self.kind == SINGLE and number < len(utterances)
        if not is_single and len(utterances) != len(self.voices):
            return None
        utterance = utterances[number]
        return Voice(utterance, speaker_of(utterance), self.path(self.voices[number], mixture))

    def named_voices(self) -> dict[str, Voice]:
        """All sources that are there, also those that are in no mixture of this kind.

        They are called `s1/MIXTURE` and so on.
        """
        return {
            f"{part}/{mixture}": voice
            for number, part in enumerate(self.voices)
            for mixture in self.files[part]
            if (voice := self.voice(number, mixture)) is not None
        }


def utterances_in(mixture: str) -> list[str]:
    """What is heard in a mixture, which is in its name: `SPK-CHAPTER-UTT_SPK-CHAPTER-UTT`."""
    return mixture.split("_")


def speaker_of(utterance: str) -> str:
    """The speaker is what comes before the first dash."""
    return utterance.partition("-")[0]


def find_set(folder: Path, kind: str) -> MixtureSet | None:
    """The mixtures of a kind in a set's folder; None if there are none.

    Raises:
        ManifestError: If their sources or noise are not beside them.
    """
    if not (folder / kind).is_dir():
        return None
    names = (f"s{number}" for number in itertools.count(1))
    voices = tuple(itertools.takewhile(lambda name: (folder / name).is_dir(), names))
    wanted = ["s1"] if kind == SINGLE else ["s1", "s2"]
    wanted += [] if kind == CLEAN else ["noise"]
    if missing := [name for name in wanted if not (folder / name).is_dir()]:
        raise ManifestError(
            f"{folder}: has {kind}, but no folder {' or '.join(missing)}. "
            f"There is: {names_in(folder)}. Expected {', '.join(wanted)} beside the mixtures"
        )
    listed = {name: _sounds_in(folder / name) for name in dict.fromkeys((kind, *voices, *wanted))}
    return MixtureSet(folder, kind, voices, listed)


def named_in_metadata(found: MixtureSet) -> tuple[Path, list[str]]:
    """The metadata of a set, and the mixtures that they name; none if there is no such file.

    Raises:
        ManifestError: If it is no table of mixtures.
    """
    folder = found.folder
    path = folder.parent / "metadata" / f"mixture_{folder.name}_{found.kind}.csv"
    if not path.is_file():
        return path, []
    table = read_table(path, "LibriMix's table of mixtures", "Make it anew, or remove it")
    if "mixture_ID" not in table.columns:
        raise ManifestError(
            f"{path}:1: expected a column mixture_ID, got {', '.join(table.columns or ['none'])}"
        )
    return path, [row["mixture_ID"] or "" for _, row in table.rows]


def no_such_mixtures(root: Path, wanted: Mapping[str, Sequence[Path]], kind: str) -> ManifestError:
    """The error that says what was looked for, what a tree looks like, and what there is."""
    found = sorted(
        path.relative_to(root).as_posix() for path in root.glob("wav*/m*/*/mix_*") if path.is_dir()
    )
    more = [f"{len(found) - _MAX_NAMED} more"] if len(found) > _MAX_NAMED else []
    there = ", ".join([*found[:_MAX_NAMED], *more]) or names_in(root)
    folders = [folder for folders in wanted.values() for folder in folders]
    variant = folders[0].parent.relative_to(root)
    sets = ",".join(folder.name for folder in folders)
    return ManifestError(
        f"{root}: has no {variant}/{{{sets}}}/{kind}. Expected {_FORM}. There is: {there}"
    )


def _sounds_in(folder: Path) -> dict[str, Path]:
    with os.scandir(folder) as entries:
        parts = [os.path.splitext(entry.name) for entry in entries]
    return {
        stem: folder / f"{stem}{suffix}"
        for stem, suffix in parts
        if suffix.lower() in SUFFIXES and not stem.startswith(".")
    }
