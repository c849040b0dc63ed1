from dataclasses import replace

import numpy as np
import pytest

from wesep_like.audio import io
from wesep_like.data.manifest import Room, read_manifest
from wesep_like.data.simulation.draw.rooms import Rooms
from wesep_like.data.simulation.options import SimulationOptions
from wesep_like.data.simulation.room_options import SimulatedRoomOptions
from wesep_like.data.simulation.room_pool import PoolOptions, write_pool
from wesep_like.errors import ConfigError, OutputError

# Small and damped: few images.
SMALL = SimulatedRoomOptions(
    "image", size_range_m=((3.0, 3.0, 2.5), (4.0, 4.0, 3.0)), rt60_range_seconds=(0.1, 0.12)
)
OPTIONS = PoolOptions(SMALL, sample_rate=8000, num_sources=2, num_microphones=2)


def samples(folder):
    channels = range(OPTIONS.num_microphones)
    return {
        path.name: [io.read(path, channel=channel).samples.tolist() for channel in channels]
        for path in folder.glob("*.wav")
    }


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool")
    assert write_pool(folder, 3, OPTIONS) == 3
    return folder


def test_a_pool_is_a_manifest_of_rooms(pool):
    rooms = read_manifest(pool / "rooms.jsonl", Room)
    assert [room.id for room in rooms] == [f"00000{n}_{m}" for n in range(3) for m in range(2)]
    for room in rooms:
        info = io.info(room.path)
        assert (info.num_samples, info.sample_rate) == (room.num_samples, 8000)
        assert info.num_channels == room.num_channels == 2
        taps = io.read(room.path, channel=0).samples
        assert taps[room.direct_samples[0]] == pytest.approx(1)
        assert np.abs(taps[: room.direct_samples[0]]).max() < 0.1
    options = SimulationOptions("u", rooms="r")
    found = Rooms(rooms, options, 8000, probability=1.0, max_sources=2).draw(
        np.random.default_rng(0), np.random.default_rng(0), num_sources=2
    )
    assert len({clip.path[:-6] for clip in found.responses}) == 1
    of = {room.path: room for room in rooms}
    assert list(found.direct_samples) == [
        of[clip.path].direct_samples[clip.channel] for clip in found.responses
    ]


def test_a_pool_that_was_broken_off_goes_on(pool, tmp_path):
    told = []
    write_pool(tmp_path, 2, OPTIONS)
    (tmp_path / "000001_1.wav").unlink()
    num_new = write_pool(tmp_path, 3, OPTIONS, progress=lambda *done: told.append(done))
    assert (num_new, told) == (2, [(2, 3), (3, 3)])
    assert samples(tmp_path) == samples(pool)
    assert (tmp_path / "rooms.jsonl").read_text() == (pool / "rooms.jsonl").read_text()


def test_another_seed_gives_other_rooms_and_needs_another_folder(pool, tmp_path):
    others = replace(OPTIONS, seed=2)
    with pytest.raises(OutputError, match=r"holds rooms that were made with other options, see .*"):
        write_pool(pool, 3, others)
    write_pool(tmp_path, 1, others)
    assert (tmp_path / "rooms.jsonl").read_text() not in (pool / "rooms.jsonl").read_text()


def test_options_that_are_no_json(tmp_path):
    (tmp_path / "options.json").write_text("{")
    with pytest.raises(OutputError, match=r"options\.json: cannot be read"):
        write_pool(tmp_path, 1, OPTIONS)


@pytest.mark.slow
def test_workers_compute_the_same(pool, tmp_path):
    for num_workers in (1, 2):
        folder = tmp_path / str(num_workers)
        assert write_pool(folder, 3, OPTIONS, num_workers=num_workers) == 3
        assert samples(folder) == samples(pool)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed: expected at least 0, got -1"),
        ({"num_sources": 0}, "num_sources: expected at least 1, got 0"),
        ({"array_radius_m": 0.3}, r"array_radius_m: .* less than wall_margin_m \(0.3\), got 0.3"),
    ],
)
def test_pools_that_cannot_be(options, message):
    with pytest.raises(ConfigError, match=message):
        PoolOptions(SMALL, **options)
