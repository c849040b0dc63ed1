"""A folder of simulated rooms: computed once, by several processes, for training to draw from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from wesep_like.audio import io
from wesep_like.config.atomic import make_folder
from wesep_like.config.sections import check_sizes
from wesep_like.data.json_lines import write_text
from wesep_like.data.manifest import Room, write_manifest
from wesep_like.data.processes import in_processes
from wesep_like.data.rooms.image_responses import direct_sample, image_responses, num_taps
from wesep_like.data.simulation.draw.places import draw_array, draw_room
from wesep_like.data.simulation.room_options import SimulatedRoomOptions
from wesep_like.data.simulation.room_plans import SimulatedRoom
from wesep_like.errors import ConfigError, OutputError

MANIFEST = "rooms.jsonl"
_OPTIONS = "options.json"


@dataclass(frozen=True)
class PoolOptions:
    """What the rooms of a pool are like; room `number` depends on these and the number alone.

    Args:
        rooms: Of kind "image".
        seed: Another seed, other rooms.
        sample_rate: Best that of training, in Hz: then the direct path to the first microphone is
            one sample.
        num_sources: Places a room from which there are responses.
        num_microphones: The channels of each response: one at the room's microphone, the others on
            a level circle around it.
        array_radius_m: Of that circle.
    """

    rooms: SimulatedRoomOptions = field(default_factory=lambda: SimulatedRoomOptions("image"))
    seed: int = 1
    sample_rate: int = 16000
    num_sources: int = 4
    num_microphones: int = 1
    array_radius_m: float = 0.05

    def __post_init__(self) -> None:
        assert self.rooms.kind == "image"
        check_sizes(
            sample_rate=self.sample_rate,
            num_sources=self.num_sources,
            num_microphones=self.num_microphones,
        )
        if self.seed < 0:
            raise ConfigError(f"seed: expected at least 0, got {self.seed}")
        if not 0 < self.array_radius_m < self.rooms.wall_margin_m:
            raise ConfigError(
                f"array_radius_m: expected more than 0 and less than wall_margin_m "
                f"({self.rooms.wall_margin_m:g}), got {self.array_radius_m!r}"
            )


def write_pool(
    folder: str | Path,
    num_rooms: int,
    options: PoolOptions,
    *,
    num_workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """The folder holds so many rooms as sound files, and their manifest, `rooms.jsonl`.

    Files that are there already stay, so a run that was broken off goes on, and a pool can be made
    larger. Each file is whole or not there, and the manifest comes last.

    Args:
        folder: Made if need be.
        num_rooms: How many the manifest names.
        options: What they are like.
        num_workers: Processes that compute; 0 computes here. They are spawned, so a script that
            asks for them needs `if __name__ == "__main__":`.
        progress: Told (rooms done, all rooms).

    Returns:
        How many rooms were computed.

    Raises:
        OutputError: If a file cannot be written, or the folder holds rooms of other options.
    """
    folder = make_folder(folder)
    _claim(folder, options)
    placed = [_placed(number, options) for number in range(num_rooms)]
    missing = [room for room in placed if not all((folder / file).exists() for file in room.files)]
    computed = in_processes(partial(_compute, folder=folder), missing, num_workers)
    for done, _ in enumerate(computed, start=1):
        if progress is not None:
            progress(num_rooms - len(missing) + done, num_rooms)
    write_manifest(folder / MANIFEST, [record for room in placed for record in room.records()])
    return len(missing)


@dataclass(frozen=True)
class _PlacedRoom:
    """One room of a pool, decided and not computed."""

    name: str
    room: SimulatedRoom
    microphones_m: list[tuple[float, float, float]]
    sample_rate: int

    @property
    def files(self) -> list[str]:
        return [f"{self.name}_{number}.wav" for number in range(len(self.room.sources_m))]

    def records(self) -> list[Room]:
        return [
            Room(
                id=file.removesuffix(".wav"),
                path=file,
                num_samples=num_taps(
                    self.room.rt60_seconds, self.microphones_m[0], source, self.sample_rate
                ),
                sample_rate=self.sample_rate,
                num_channels=len(self.microphones_m),
                room=self.name,
                direct_samples=tuple(
                    direct_sample(microphone, source, self.sample_rate)
                    for microphone in self.microphones_m
                ),
            )
            for file, source in zip(self.files, self.room.sources_m, strict=True)
        ]


def _placed(number: int, options: PoolOptions) -> _PlacedRoom:
    room_rng, array_rng = np.random.default_rng([options.seed, number]).spawn(2)
    room = draw_room(room_rng, options.rooms, options.num_sources, options.sample_rate)
    microphones = draw_array(
        array_rng, room.microphone_m, options.num_microphones, options.array_radius_m
    )
    return _PlacedRoom(f"{number:06d}", room, microphones, options.sample_rate)


def _compute(placed: _PlacedRoom, folder: Path) -> None:
    room = placed.room
    responses = image_responses(
        room.size_m, room.rt60_seconds, placed.microphones_m, room.sources_m, placed.sample_rate
    )
    for file, response in zip(placed.files, responses, strict=True):
        io.write_unscaled(folder / file, response, placed.sample_rate, subtype="FLOAT")


def _claim(folder: Path, options: PoolOptions) -> None:
    """Notes the options in the folder; goes on only if it holds no rooms of others."""
    path, ours = folder / _OPTIONS, json.loads(json.dumps(asdict(options)))
    if not path.exists():
        write_text(path, json.dumps(ours, indent=2) + "\n")
        return
    try:
        theirs = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: cannot be read ({error}). Give another folder") from error
    if theirs != ours:
        raise OutputError(
            f"{folder}: holds rooms that were made with other options, see {path}. "
            "Give the same options, or another folder"
        )
