"""`prepare musan` and `prepare rirs`: noises by kind, responses by room."""

import numpy as np
import pytest
import soundfile

from wesep_like.data.corpora import prepare
from wesep_like.data.manifest import Noise, Room, read_manifest
from wesep_like.errors import ManifestError


def sound(path, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 0.1 * np.random.default_rng(len(str(path))).standard_normal((80, channels))
    soundfile.write(path, samples, 16000)


def test_noises_are_called_by_their_kind(tmp_path):
    root = tmp_path / "musan"
    for name in ("music/fma/music-fma-0000", "noise/free-sound/noise-free-sound-0000"):
        sound(root / f"{name}.wav")
    (root / "music/fma/LICENSE").write_text("...")
    with pytest.warns(UserWarning, match="left out: speech. There is no .*musan/speech"):
        numbers = prepare("musan", root, tmp_path / "data").num_records
    assert numbers == {"noise.jsonl": 2, "music/noise.jsonl": 1, "noise/noise.jsonl": 1}
    found = read_manifest(tmp_path / "data/noise.jsonl", Noise)
    assert [noise.id for noise in found] == [
        "music/fma/music-fma-0000.wav",
        "noise/free-sound/noise-free-sound-0000.wav",
    ]
    assert read_manifest(tmp_path / "data/music/noise.jsonl", Noise) == found[:1]


def test_what_is_no_musan(tmp_path):
    sound(tmp_path / "musan/musan/music/1.wav")
    with pytest.raises(ManifestError, match="none of the folders music.*There is: musan. Give the"):
        prepare("musan", tmp_path / "musan", tmp_path / "data")


@pytest.fixture
def rirs(tmp_path):
    root = tmp_path / "RIRS_NOISES"
    for name in ("smallroom/Room001/Room001-00001", "smallroom/Room001/Room001-00002"):
        sound(root / f"simulated_rirs/{name}.wav")
    sound(root / "simulated_rirs/largeroom/Room001/Room001-00001.wav")
    real = root / "real_rirs_isotropic_noises"
    sound(real / "RVB2014_type1_rir_largeroom1_far_angla.wav", channels=8)
    sound(real / "RVB2014_type1_noise_largeroom1_1.wav", channels=8)
    sound(root / "pointsource_noises/noise-free-sound-0000.wav")
    (real / "rir_list").write_text(
        "--rir-id 00001 --room-id RVB2014_type1_large1 "
        "RIRS_NOISES/real_rirs_isotropic_noises/RVB2014_type1_rir_largeroom1_far_angla.wav\n"
    )
    return root


def test_responses_are_by_room_and_set(rirs, tmp_path):
    assert prepare("rirs", rirs, tmp_path / "data").num_records == {
        "rooms.jsonl": 4,
        "simulated/rooms.jsonl": 3,
        "smallroom/rooms.jsonl": 2,
        "largeroom/rooms.jsonl": 1,
        "real/rooms.jsonl": 1,
    }
    rooms = read_manifest(tmp_path / "data/rooms.jsonl", Room)
    assert sorted(room.room for room in rooms) == [
        "largeroom/Room001",
        "real/RVB2014_type1_large1",
        "smallroom/Room001",
        "smallroom/Room001",
    ]
    assert len({room.id for room in rooms}) == 4
    (real,) = read_manifest(tmp_path / "data/real/rooms.jsonl", Room)
    assert real.num_channels == 8


def test_real_responses_need_their_list(rirs, tmp_path):
    listed = rirs / "real_rirs_isotropic_noises/rir_list"
    listed.write_text("00001 RVB2014.wav\n")
    with pytest.raises(ManifestError, match=r"rir_list:1: expected lines as '--rir-id 00001 --roo"):
        prepare("rirs", rirs, tmp_path / "data")
    listed.unlink()
    with pytest.warns(UserWarning, match=r"left out: real_rirs_.* There is no .*/rir_list"):
        numbers = prepare("rirs", rirs, tmp_path / "data").num_records
    assert numbers["rooms.jsonl"] == 3
    assert "real/rooms.jsonl" not in numbers


def test_what_is_no_rirs_noises(rirs, tmp_path):
    with pytest.raises(ManifestError, match="none of the folders simulated_rirs/smallroom.*There "):
        prepare("rirs", rirs / "simulated_rirs", tmp_path / "data")
