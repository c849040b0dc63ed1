"""A room that is simulated, and who is where in it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from wesep_like.data.rooms.acoustics import SPEED_OF_SOUND
from wesep_like.data.simulation.room_options import SimulatedRoomOptions
from wesep_like.data.simulation.room_plans import SimulatedRoom

_MAX_TRIES = 64


def draw_room(
    rng: np.random.Generator, options: SimulatedRoomOptions, num_sources: int, sample_rate: int
) -> SimulatedRoom:
    """A room, a microphone anywhere in it, and sources in all directions from it.

    Args:
        rng: Must be able to spawn.
        options: What rooms there are.
        num_sources: One more leaves the places of the others as they are.
        sample_rate: Distances are whole numbers of its samples, so that the direct path is one
            sample.
    """
    size = rng.uniform(*options.size_range_m)
    rt60 = rng.uniform(*options.rt60_range_seconds)
    margin = options.wall_margin_m
    microphone = margin + (size - 2 * margin) * rng.random(3)
    seed = int(rng.integers(2**32))
    sources = [
        _draw_source(source_rng, options, size, microphone, sample_rate)
        for source_rng in rng.spawn(num_sources)
    ]
    return SimulatedRoom(
        options.kind,
        tuple(size.tolist()),
        float(rt60),
        tuple(microphone.tolist()),
        tuple(tuple(source.tolist()) for source in sources),
        seed,
    )


def _draw_source(
    rng: np.random.Generator,
    options: SimulatedRoomOptions,
    size: np.ndarray,
    microphone: np.ndarray,
    sample_rate: int,
) -> np.ndarray:
    """The first of some places that is in the room; failing that, towards the farthest corner."""
    margin, (nearest, farthest) = options.wall_margin_m, options.distance_range_m
    corner = np.where(microphone < size / 2, size - margin, margin)
    reach = float(np.linalg.norm(corner - microphone))
    distances = rng.uniform(nearest, min(farthest, reach), _MAX_TRIES)
    directions = rng.standard_normal((_MAX_TRIES, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    places = microphone + distances[:, None] * directions
    is_inside = ((places >= margin) & (places <= size - margin)).all(axis=1)
    distance, direction = nearest, (corner - microphone) / reach
    if is_inside.any():
        first = int(is_inside.argmax())
        distance, direction = distances[first], directions[first]
    whole = max(1, round(distance / SPEED_OF_SOUND * sample_rate))
    return microphone + whole * SPEED_OF_SOUND / sample_rate * direction


def draw_array(
    rng: np.random.Generator, center_m: Sequence[float], num_microphones: int, radius_m: float
) -> list[tuple[float, float, float]]:
    """A microphone at the center, the others evenly on a level circle around it, turned anyhow."""
    x, y, z = center_m
    start, num_around = rng.uniform(0, 2 * math.pi), num_microphones - 1
    turns = [start + 2 * math.pi * number / num_around for number in range(num_around)]
    around = [(x + radius_m * math.cos(turn), y + radius_m * math.sin(turn), z) for turn in turns]
    return [(x, y, z), *around]
