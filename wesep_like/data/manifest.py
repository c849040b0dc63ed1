"""What there is: utterances, noises and room responses, as JSON Lines.

A relative path in a manifest is relative to the manifest's folder, so that a data folder can be
moved together with its audio.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from wesep_like.data.json_lines import read_json_lines, write_json_lines


def _check_positive(record: object, *names: str) -> None:
    for name in names:
        if getattr(record, name) <= 0:
            raise ValueError(f"{name}: expected more than 0, got {getattr(record, name)!r}")


@dataclass(frozen=True)
class Utterance:
    """A whole file of one speaker.

    Args:
        num_samples: At the file's own sample rate.
        sample_rate: The file's, in Hz.
        sex: As the corpus says it; usually F or M.
    """

    id: str
    speaker: str
    path: str
    num_samples: int
    sample_rate: int
    sex: str | None = None

    def __post_init__(self) -> None:
        _check_positive(self, "num_samples", "sample_rate")


@dataclass(frozen=True)
class AnyUtterance:
    """A line of a manifest whose speaker may not be known; all else as in `Utterance`."""

    id: str
    path: str
    num_samples: int
    sample_rate: int
    speaker: str | None = None
    sex: str | None = None

    def __post_init__(self) -> None:
        _check_positive(self, "num_samples", "sample_rate")


@dataclass(frozen=True)
class Noise:
    """A whole file without speech; lengths as in `Utterance`."""

    id: str
    path: str
    num_samples: int
    sample_rate: int

    def __post_init__(self) -> None:
        _check_positive(self, "num_samples", "sample_rate")


@dataclass(frozen=True)
class Room:
    """A response from one place in a room to its microphones; lengths as in `Utterance`.

    Args:
        room: Which room. The sources of one mixture hear different responses of one room.
        direct_samples: Where in each channel the direct path arrives; None: at the largest sample,
            which may be a reflection where the source is far away.
    """

    id: str
    path: str
    num_samples: int
    sample_rate: int
    num_channels: int
    room: str
    direct_samples: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        _check_positive(self, "num_samples", "sample_rate", "num_channels")
        if self.direct_samples is not None and (
            len(self.direct_samples) != self.num_channels
            or any(not 0 <= sample < self.num_samples for sample in self.direct_samples)
        ):
            raise ValueError(
                f"direct_samples: expected {self.num_channels} places from 0 to "
                f"{self.num_samples - 1}, one a channel, got {list(self.direct_samples)}"
            )


R = TypeVar("R", Utterance, AnyUtterance, Noise, Room)


def read_manifest(path: str | Path, cls: type[R]) -> list[R]:
    """Read the records of one manifest, with paths as the process can open them.

    Raises:
        ManifestError: If the file is missing or empty, or lines are wrong; tells up to ten of them,
            then a count.
    """
    folder = Path(path).parent
    return [
        replace(record, path=str(folder / record.path)) for record in read_json_lines(path, cls)
    ]


def read_speech(path: str | Path) -> list[Utterance]:
    """The utterances of a manifest, for those who need no speakers: an unknown one is empty.

    Raises:
        ManifestError: As `read_manifest` does.
    """
    return [
        Utterance(
            record.id,
            record.speaker or "",
            record.path,
            record.num_samples,
            record.sample_rate,
            record.sex,
        )
        for record in read_manifest(path, AnyUtterance)
    ]


def write_manifest(path: str | Path, records: Iterable[R]) -> None:
    """Write a manifest whole or not at all; paths are written as they are.

    Raises:
        OutputError: If the file cannot be written there.
    """
    write_json_lines(path, records)
