"""What `__main__.py` prints, measured."""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from wesep_like.data.rooms.acoustics import SPEED_OF_SOUND
from wesep_like.data.rooms.decay import direct_to_reverberant_db, rt60_seconds
from wesep_like.data.rooms.image_responses import direct_sample, image_responses
from wesep_like.data.rooms.random_responses import DIRECT_TAP, gather_rooms, random_responses
from wesep_like.data.simulation.draw.places import draw_room
from wesep_like.data.simulation.room_options import SimulatedRoomOptions
from wesep_like.data.simulation.room_plans import SimulatedRoom

sys.path.append(str(Path(__file__).resolve().parents[1]))
from timing import shown

SAMPLE_RATE = 16000
_BATCH = 16


@dataclass(frozen=True)
class Response:
    """One response and what it says."""

    taps: Tensor
    t20: float
    t30: float
    drr_db: float

    @classmethod
    def of(cls, taps: Tensor, direct: int) -> Response:
        """Measures a response (taps,) whose direct path arrives at `direct`."""
        return cls(
            taps[direct:],
            rt60_seconds(taps, SAMPLE_RATE, range_db=20),
            rt60_seconds(taps, SAMPLE_RATE, range_db=30),
            direct_to_reverberant_db(taps, SAMPLE_RATE, direct),
        )


@dataclass(frozen=True)
class Measured:
    """A room, and its response in both ways."""

    room: SimulatedRoom
    random: Response
    image: Response

    @property
    def theory_db(self) -> float:
        """Direct over reverberant sound in a diffuse field, with Eyring's absorption."""
        length, width, height = self.room.size_m
        surface = 2 * (length * width + length * height + width * height)
        way = 4 * math.prod(self.room.size_m) / surface
        losses = way * 6 * math.log(10) / (SPEED_OF_SOUND * self.room.rt60_seconds)
        room_constant = surface * math.expm1(losses)
        return 10 * math.log10(room_constant / (16 * math.pi * self.room.distances_m[0] ** 2))


Measure = Callable[[Measured], float]


def _nothing(room: Measured) -> float:
    return math.nan


def _difference(low: float, high: float) -> Measure:
    """Between the two ratios of direct sound, where the longest side over the shortest is such."""

    def measure(room: Measured) -> float:
        sides = max(room.room.size_m) / min(room.room.size_m)
        return room.random.drr_db - room.image.drr_db if low <= sides < high else math.nan

    return measure


def _low_db(response: Response) -> float:
    """Of what comes after 50 ms, energy a Hz of 0.1 to 1 kHz over that of 1 to 6 kHz."""
    late = response.taps[SAMPLE_RATE // 20 :].double()
    energy = torch.fft.rfft(late, SAMPLE_RATE).abs().square()  # bins of 1 Hz
    return 10 * math.log10(energy[100:1000].mean() / energy[1000:6000].mean())


MEASURES: list[tuple[str, Measure, Measure]] = [
    (
        "T20 over RT60 asked",
        lambda m: m.random.t20 / m.room.rt60_seconds,
        lambda m: m.image.t20 / m.room.rt60_seconds,
    ),
    (
        "T30 over RT60 asked",
        lambda m: m.random.t30 / m.room.rt60_seconds,
        lambda m: m.image.t30 / m.room.rt60_seconds,
    ),
    ("direct over reverberant, dB", lambda m: m.random.drr_db, lambda m: m.image.drr_db),
    (
        "the same less that of a diffuse field, dB",
        lambda m: m.random.drr_db - m.theory_db,
        lambda m: m.image.drr_db - m.theory_db,
    ),
    ("the same less pyroomacoustics', dB", lambda m: m.random.drr_db - m.image.drr_db, _nothing),
    ("in rooms with sides of up to 2 to 1", _difference(1, 2), _nothing),
    ("in rooms with sides of 3 to 1 or more", _difference(3, math.inf), _nothing),
    (
        "late sound below over above 1 kHz, dB",
        lambda m: _low_db(m.random),
        lambda m: _low_db(m.image),
    ),
    (
        "a reflection is larger than the direct path",
        lambda m: float(m.random.taps.abs().argmax() > 0),
        lambda m: float(m.image.taps.abs().argmax() > 0),
    ),
]


def measured_rooms(num: int, seed: int) -> list[Measured]:
    """Rooms as in training, measured."""
    rooms = [_room(seed, number, num_sources=1) for number in range(num)]
    found = []
    for start in range(0, num, _BATCH):
        some = rooms[start : start + _BATCH]
        for room, taps in zip(some, _random(some), strict=True):
            image = Response.of(
                torch.from_numpy(_image(room)[0][:, 0]),
                direct_sample(room.microphone_m, room.sources_m[0], SAMPLE_RATE),
            )
            found.append(Measured(room, Response.of(taps[0], DIRECT_TAP), image))
    return found


def speed(repeats: int, seed: int) -> str:
    """A table: time of one core for the rooms of a mixture of two voices."""
    rooms = [_room(seed, number, num_sources=2) for number in range(repeats)]
    _random(rooms)  # what is made once
    one_by_one = [_cpu_seconds(partial(_random, [room])) for room in rooms]
    batches = [_cpu_seconds(partial(_random, rooms[:_BATCH])) for _ in range(repeats)]
    image = [_cpu_seconds(partial(_image, room)) for room in rooms]
    in_batch = [seconds / len(rooms[:_BATCH]) for seconds in batches]
    lines = [
        "| rooms of a mixture of 2 voices | ms of one core | times faster (medians) |",
        "|---|---|---|",
    ]
    for name, seconds in (
        ("pyroomacoustics, one by one", image),
        ("random, one by one", one_by_one),
        (f"random, {_BATCH} at once", in_batch),
    ):
        faster = statistics.median(image) / statistics.median(seconds)
        lines.append(f"| {name} | {shown(seconds, 1e-3)} | {faster:.0f} |")
    return "\n".join(lines)


def _cpu_seconds(run: Callable[[], object]) -> float:
    """Of this process, one thread: other work on the machine does not count."""
    start = time.process_time()
    run()
    return time.process_time() - start


def _room(seed: int, number: int, num_sources: int) -> SimulatedRoom:
    rng = np.random.default_rng([seed, number])
    return draw_room(rng, SimulatedRoomOptions(), num_sources, SAMPLE_RATE)


def _random(rooms: list[SimulatedRoom]) -> Tensor:
    gathered = gather_rooms(
        [room.size_m for room in rooms],
        [room.rt60_seconds for room in rooms],
        [room.distances_m for room in rooms],
        [room.seed for room in rooms],
        SAMPLE_RATE,
    )
    return random_responses(gathered, SAMPLE_RATE)


def _image(room: SimulatedRoom) -> list[np.ndarray]:
    return image_responses(
        room.size_m, room.rt60_seconds, [room.microphone_m], room.sources_m, SAMPLE_RATE
    )
