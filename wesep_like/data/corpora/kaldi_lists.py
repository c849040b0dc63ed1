"""Kaldi's lists, in the forms that WeSep's recipes write: a key a line, then what belongs to it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from wesep_like.data.text_lines import numbered_lines, raise_problems, read_text
from wesep_like.errors import ManifestError

# So begins what stands in WeSep's lists of enrollments for training: one is to be drawn.
DRAWN = "*"
_ADVICE = "Give a folder with Kaldi's lists wav.scp and utt2spk"
_NO_COMMANDS = "is a command, and none is run. Write the sound to a file and name that"


@dataclass(frozen=True)
class Row:
    """A line of a list: where it stands, and what comes after its key."""

    where: str
    value: str

    @property
    def file(self) -> str:
        """The list."""
        return self.where.rpartition(":")[0]


@dataclass(frozen=True)
class Sound:
    """A line of wav.scp and its line of utt2spk.

    Args:
        where: File and line, for messages.
        speakers: One; or those of a mixture.
        path: The sound, or the mixture.
        sources: Of a mixture, what each speaker says.
    """

    where: str
    id: str
    speakers: tuple[str, ...]
    path: Path
    sources: tuple[Path, ...]


@dataclass(frozen=True)
class Voice:
    """A file of one speaker.

    Args:
        utterance: What was recorded; two files of one recording have one name.
        speaker: None if no list says it.
    """

    utterance: str
    speaker: str | None
    path: Path


def read_rows(path: Path, columns: str) -> dict[str, Row]:
    """The lines of a list by key.

    Args:
        path: The list.
        columns: What a line has, for messages.

    Raises:
        ManifestError: If it cannot be read or is empty, or lines are wrong; up to ten of them.
    """
    text = read_text(path, f"lines of '{columns}'", _ADVICE)
    rows: dict[str, Row] = {}
    problems = []
    for number, line in numbered_lines(text):
        where = f"{path}:{number}"
        key, *rest = line.split(maxsplit=1)
        if not rest:
            problems.append(f"{where}: expected '{columns}', got {line.strip()!r}")
        elif key in rows:
            first = rows[key].where.rpartition(":")[2]
            problems.append(f"{where}: {key!r} is already on line {first}")
        else:
            rows[key] = Row(where, rest[0].strip())
    raise_problems(path, problems)
    if not rows:
        raise ManifestError(f"{path}: no lines in it. Expected '{columns}'")
    return rows


def read_sounds(root: Path) -> list[Sound]:
    """What wav.scp names: `UTT PATH`, or where utt2spk names several speakers, `UTT MIX S1 S2`.

    Raises:
        ManifestError: If a list is missing, or lines are wrong; up to ten of them.
    """
    path = root / "wav.scp"
    rows = read_rows(path, "UTT PATH, or UTT MIXTURE SOURCE1 SOURCE2")
    speakers_of = _read_speakers(root)
    is_mixed = any(len(speakers_of.get(key, ())) > 1 for key in rows)
    sounds, problems = [], []
    for key, row in rows.items():
        speakers = speakers_of.get(key)
        # A single path may have spaces in it, as in Kaldi.
        paths = row.value.split() if is_mixed else [row.value]
        if _is_command(row.value):
            problems.append(f"{row.where}: {_NO_COMMANDS}")
        elif speakers is None:
            problems.append(f"{row.where}: {key!r} has no speaker in utt2spk")
        elif is_mixed and len(paths) != 1 + len(speakers):
            problems.append(
                f"{row.where}: expected a mixture and a source for each of the {len(speakers)} "
                f"speakers of {key!r}, got {len(paths)} paths"
            )
        else:
            first, *sources = map(find, paths)
            sounds.append(Sound(row.where, key, speakers, first, tuple(sources)))
    raise_problems(path, problems)
    return sounds


def read_singles(root: Path) -> dict[str, Voice]:
    """The single speakers' files that stand beside a list of mixtures, by key; empty if none do.

    Raises:
        ManifestError: If lines are wrong; up to ten of them.
    """
    path = root / "single.wav.scp"
    if not path.exists():
        return {}
    rows, speakers = read_rows(path, "UTT PATH"), read_optional(root / "single.utt2spk", "UTT SPK")
    raise_problems(
        path, [f"{row.where}: {_NO_COMMANDS}" for row in rows.values() if _is_command(row.value)]
    )
    return {
        key: Voice(key, speakers[key].value if key in speakers else None, find(row.value))
        for key, row in rows.items()
    }


def read_voices_of_speakers(root: Path) -> list[Voice]:
    """What spk2enroll.json lists, `{"SPK": [["UTT", "PATH"], ...], ...}`; empty if there is none.

    Raises:
        ManifestError: If it is not such a mapping; up to ten wrong speakers.
    """
    path = root / "spk2enroll.json"
    if not path.exists():
        return []
    form = '{"SPK": [["UTT", "PATH"], ...], ...}'
    try:
        listed = json.loads(read_text(path, form, _ADVICE))
    except json.JSONDecodeError as error:
        raise ManifestError(
            f"{path}:{error.lineno}: not JSON ({error.msg}). Expected {form}"
        ) from error
    if not isinstance(listed, Mapping):
        raise ManifestError(f"{path}: expected {form}, got {str(listed)[:40]!r}")
    enrollments, problems = [], []
    for speaker, entries in listed.items():
        if not isinstance(entries, list) or not all(map(_is_pair_of_texts, entries)):
            problems.append(
                f"{path}: speaker {speaker!r}: expected [[utterance, path], ...], "
                f"got {str(entries)[:40]!r}"
            )
        elif any(_is_command(file) for _, file in entries):
            problems.append(f"{path}: speaker {speaker!r}: {_NO_COMMANDS}")
        else:
            enrollments += [Voice(name, speaker, find(file)) for name, file in entries]
    raise_problems(path, problems)
    return enrollments


def read_optional(path: Path, columns: str) -> dict[str, Row]:
    """As `read_rows`; empty if there is no such list."""
    return read_rows(path, columns) if path.exists() else {}


def find(path: str) -> Path:
    """A listed path as an absolute one; a relative one counts from where the command runs.

    Folders are followed through links and `..`, so that one file has one path.
    """
    folder, name = os.path.split(os.path.join(os.getcwd(), path))
    return Path(_real_folder(folder), name)


@cache
def _real_folder(folder: str) -> str:
    # Kept: thousands of files are in one folder, and each part of its name is looked up.
    return os.path.realpath(folder)


def _is_command(value: str) -> bool:
    return value.startswith("|") or value.endswith("|")


def _is_pair_of_texts(entry: object) -> bool:
    return (
        isinstance(entry, list) and len(entry) == 2 and all(isinstance(text, str) for text in entry)
    )


def _read_speakers(root: Path) -> dict[str, tuple[str, ...]]:
    """The speakers of each utterance or mixture, from utt2spk, or from spk2utt if it is missing."""
    if (root / "utt2spk").exists() or not (root / "spk2utt").exists():
        rows = read_rows(root / "utt2spk", "UTT SPK, or UTT SPK1 SPK2")
        return {key: tuple(row.value.split()) for key, row in rows.items()}
    rows = read_rows(root / "spk2utt", "SPK UTT1 UTT2 ...")
    return {key: (speaker,) for speaker, row in rows.items() for key in row.value.split()}
