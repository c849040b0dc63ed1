"""The room responses of RIRS_NOISES (OpenSLR 28), simulated and real.

ROOT/simulated_rirs/{small,medium,large}room/RoomXXX/RoomXXX-YYYYY.wav, and
ROOT/real_rirs_isotropic_noises/*.wav, of which `rir_list` there says what is a response of which
room.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from wesep_like.audio.io import AudioInfo
from wesep_like.data.corpora.base import Contents, Corpus, Sounds, find_sounds, names_in
from wesep_like.data.manifest import Room
from wesep_like.data.text_lines import numbered_lines, raise_problems, read_text
from wesep_like.errors import ManifestError

_SIMULATED = "simulated_rirs"
_SIZES = ("smallroom", "mediumroom", "largeroom")
_REAL = "real_rirs_isotropic_noises"
_LIST = "rir_list"


@dataclass(frozen=True)
class Rirs(Corpus):
    """Those of its sets that are there. Its noises are MUSAN's, and left out."""

    def find(self, root: Path) -> list[Path]:
        """The responses, and nothing else.

        Raises:
            ManifestError: If there are no such folders, or the list of the real ones is wrong.
        """
        sizes = [size for size in _SIZES if (root / _SIMULATED / size).is_dir()]
        if not sizes and not (root / _REAL).is_dir():
            folders = ", ".join([*(f"{_SIMULATED}/{size}" for size in _SIZES), _REAL])
            raise ManifestError(
                f"{root}: none of the folders {folders}. There is: {names_in(root)}. "
                "Give the folder RIRS_NOISES that has them"
            )
        paths = [path for size in sizes for path in find_sounds(root / _SIMULATED / size)]
        return sorted([*paths, *_real_rooms(root)])

    def index(self, root: Path, sounds: Sounds) -> Contents:
        """A manifest of all, of the simulated, of each size of these, and of the real.

        Raises:
            ManifestError: As `find`.
        """
        real_rooms = _real_rooms(root)
        sets: dict[str, list[Room]] = {"": []}
        for path, sound in sounds.items():
            inside = path.relative_to(root)
            if path in real_rooms:
                room = _room(inside.as_posix(), path, sound, f"real/{real_rooms[path]}")
                sets[""].append(room)
                sets.setdefault("real/", []).append(room)
                continue
            size = inside.parts[1]
            room = _room(inside.as_posix(), path, sound, f"{size}/{path.stem.partition('-')[0]}")
            for name in ("", "simulated/", f"{size}/"):
                sets.setdefault(name, []).append(room)
        return {f"{name}rooms.jsonl": rooms for name, rooms in sorted(sets.items())}


def _room(name: str, path: Path, sound: AudioInfo, room: str) -> Room:
    return Room(name, str(path), sound.num_samples, sound.sample_rate, sound.num_channels, room)


def _real_rooms(root: Path) -> dict[Path, str]:
    """The files of the real responses, and the room of each; none, with a warning, without list."""
    folder = root / _REAL
    if not folder.is_dir():
        return {}
    if not (folder / _LIST).is_file():
        warnings.warn(f"left out: {_REAL}. There is no {folder / _LIST}", stacklevel=4)
        return {}
    path = folder / _LIST
    expected = f"lines as '--rir-id 00001 --room-id NAME RIRS_NOISES/{_REAL}/FILE.wav'"
    rooms, problems = {}, []
    for number, line in numbered_lines(read_text(path, expected, "Give it as it is published")):
        words = line.split()
        if "--room-id" not in words[:-2] or words[-1].startswith("--"):
            problems.append(f"{path}:{number}: expected {expected}, got {line.strip()!r}")
        else:
            rooms[folder / Path(words[-1]).name] = words[words.index("--room-id") + 1]
    raise_problems(path, problems)
    return rooms
