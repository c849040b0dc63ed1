from dataclasses import replace

import numpy as np
import pytest

from wesep_like.data.rooms.acoustics import SPEED_OF_SOUND
from wesep_like.data.simulation.draw.places import draw_array, draw_room
from wesep_like.data.simulation.room_options import SimulatedRoomOptions
from wesep_like.errors import ConfigError

RATE = 16000


def drawn(num, num_sources=2, **options):
    options = SimulatedRoomOptions(**options)
    return [
        draw_room(np.random.default_rng([3, n]), options, num_sources, RATE) for n in range(num)
    ]


def test_rooms_are_drawn_from_their_ranges():
    rooms = drawn(300)
    sizes = np.array([room.size_m for room in rooms])
    assert (sizes.min(0) - (3, 3, 2.5) < 0.2).all()
    assert ((10, 6, 4) - sizes.max(0) < 0.2).all()
    assert (np.ptp(sizes, axis=0) <= (7, 3, 1.5)).all()
    times = [room.rt60_seconds for room in rooms]
    assert 0.1 <= min(times) < 0.12
    assert 0.68 < max(times) <= 0.7
    distances = [distance for room in rooms for distance in room.distances_m]
    assert 0.2 - SPEED_OF_SOUND / RATE <= min(distances) < 0.25
    assert 4.5 < max(distances) <= 5 + SPEED_OF_SOUND / RATE
    assert len({room.seed for room in rooms}) == 300


def test_all_is_away_from_the_walls():
    for room in drawn(300, wall_margin_m=0.5):
        places = np.array([room.microphone_m, *room.sources_m])
        assert places.min() > 0.48  # distances are rounded to whole samples
        assert (np.array(room.size_m) - places).min() > 0.48


def test_direct_paths_are_whole_samples():
    distances = np.array([room.distances_m for room in drawn(50)]) / SPEED_OF_SOUND * RATE
    np.testing.assert_allclose(distances, distances.round(), atol=1e-9)


def test_one_source_more_leaves_the_others_where_they_were():
    for few, many in zip(drawn(20, 2), drawn(20, 3), strict=True):
        assert replace(many, sources_m=many.sources_m[:2]) == few


def test_a_place_that_is_hard_to_find_is_found():
    # Only along the length is there a place so far away.
    size = (9.0, 1.0, 1.0)
    options = {"size_range_m": (size, size), "distance_range_m": (4.1, 4.1)}
    for room in drawn(20, **options):
        assert room.distances_m[0] == pytest.approx(4.1, abs=0.02)


def test_microphones_stand_in_a_circle_around_the_first():
    array = np.array(draw_array(np.random.default_rng(0), (2.0, 1.0, 1.5), 5, 0.1))
    np.testing.assert_allclose(array[0], (2.0, 1.0, 1.5))
    np.testing.assert_allclose(np.linalg.norm(array[1:] - array[0], axis=1), 0.1)
    np.testing.assert_allclose(array[1:].mean(0), array[0])
    assert draw_array(np.random.default_rng(0), (2.0, 1.0, 1.5), 1, 0.1) == [(2.0, 1.0, 1.5)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size_range_m": ((3, 3, 3), (4, 2, 4))}, "size_range_m: expected 0 < low <= high"),
        ({"size_range_m": ((0, 3, 3), (4, 3, 4))}, "size_range_m: expected 0 < low <= high"),
        (
            {"rt60_range_seconds": (0.0, 0.7)},
            r"rt60_range_seconds: expected 0 < low <= high, got \[0.0, 0.7\]",
        ),
        (
            {"distance_range_m": (2.0, 1.0)},
            r"distance_range_m: expected 0 < low <= high, got \[2.0, 1.0\]",
        ),
        ({"wall_margin_m": 0.0}, "wall_margin_m: expected at least 0.05, got 0.0"),
        ({"share": 1.1}, "share: expected 0 to 1, got 1.1"),
        (
            {"wall_margin_m": 1.3},
            "wall_margin_m: 1.3 m on both sides leave nothing of a room of 3 x 3 x 2.5 m",
        ),
        (
            {"distance_range_m": (2.0, 3.0)},
            "distance_range_m: expected a lowest distance of at most 1.94 m",
        ),
        (
            {"rt60_range_seconds": (0.03, 0.5)},
            "rt60_range_seconds: 0.03 s is too short for a room of 10 x 6 x 4 m",
        ),
        (
            {"kind": "image", "rt60_range_seconds": (0.3, 2.0)},
            r"rt60_range_seconds: 2 s in a room of 3 x 3 x 2.5 m takes \d+ reflections",
        ),
    ],
)
def test_rooms_that_cannot_be(options, message):
    with pytest.raises(ConfigError, match=message):
        SimulatedRoomOptions(**options)
