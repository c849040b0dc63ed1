"""Runs with everything that can be done to voices and enrollments."""

import csv

import numpy as np
import pytest
import soundfile

from wesep_like import experiment
from wesep_like.config.files import read_config
from wesep_like.data.manifest import Noise, Room, write_manifest
from wesep_like.errors import ConfigError

RATE = 8000
EFFECTS = {
    name: {"probability": 0.7} for name in ("equalizer", "gain", "band_limit", "clipping", "codec")
}
MORE = {name: {"probability": 0.7} for name in ("room", "noise", "spec_augment")}


@pytest.fixture
def augmented(hums, tmp_path):
    """The section data.train, with all on."""
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "noise.wav", 0.1 * rng.standard_normal(RATE), RATE)
    write_manifest(tmp_path / "noise.jsonl", [Noise("n", "noise.wav", RATE, RATE)])
    rooms = []
    for place in range(2):
        taps = rng.standard_normal(800) * np.exp(-np.arange(800) / 100)
        soundfile.write(tmp_path / f"room{place}.wav", 0.3 * taps / np.abs(taps).max(), RATE)
        rooms.append(Room(f"r{place}", f"room{place}.wav", 800, RATE, 1, "r"))
    write_manifest(tmp_path / "rooms.jsonl", rooms)
    return {
        "utterances": str(hums / "train.jsonl"),
        "noise": str(tmp_path / "noise.jsonl"),
        "rooms": str(tmp_path / "rooms.jsonl"),
        "mixture_seconds": 0.5,
        "enrollment_seconds": [0.5, 1.0],
        "room_probability": 0.5,
        "noise_probability": 0.5,
        "speed_probability": 0.5,
        "augmentation": EFFECTS,
        "enrollment_augmentation": {**EFFECTS, **MORE},
    }


@pytest.mark.parametrize("freeze", [["speaker"], []])
def test_two_steps_with_everything_on(write_experiment, augmented, tmp_path, freeze):
    steps = {"num_steps": 2, "validate_every": 2}
    path = write_experiment(data={"train": augmented}, trainer=steps, freeze=freeze)
    experiment.train(path, [], tmp_path / "exp", device="cpu")
    with (tmp_path / "exp" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    losses = [float(row["train/loss"]) for row in rows if row["train/loss"]]
    assert len(losses) == 2
    assert np.isfinite(losses).all()
    written = read_config(tmp_path / "exp" / "config.yaml")["data"]["train"]
    assert written["augmentation"]["codec"] == {"probability": 0.7, "names": ["mu_law", "a_law"]}


def test_whole_enrollments_are_kept_only_where_nothing_is_done_to_them(
    write_experiment, augmented, tmp_path
):
    for more, recurs in (({}, False), ({"enrollment_augmentation": {}}, True)):
        train = {**augmented, "enrollment_seconds": None, **more}
        path = write_experiment(data={"train": train})
        task, _ = experiment.build(experiment.read_experiment(path)[0], str(path))
        assert task._enrollments_recur == recurs


def test_masks_want_features_to_lie_on(write_experiment):
    masks = {"spec_augment": {"probability": 0.5}}
    path = write_experiment(
        model={"speaker": {"name": "usef"}, "fusion": {"name": "cross_attention"},
               "fuse_before": "first"},
        init={"speaker": None}, freeze=[],
        data={"train": {"utterances": "u", "enrollment_augmentation": masks}},
    )  # fmt: skip
    message = (
        r"tiny\.yaml: data\.train\.enrollment_augmentation\.spec_augment: the speaker module has "
        r"no filterbank features that could be masked\. Expected null"
    )
    with pytest.raises(ConfigError, match=message):
        experiment.check(path)
    off = ["data.train.enrollment_augmentation.spec_augment.probability=0"]
    assert "fine" in experiment.check(path, off)


def test_a_band_without_a_signal(write_experiment):
    bands = {"band_limit": {"probability": 0.5, "bands_hz": [[300, 3400], [5000, 7000]]}}
    path = write_experiment(data={"train": {"utterances": "u", "augmentation": bands}})
    message = (
        r"data\.train\.augmentation\.band_limit\.bands_hz: expected a low below 4000 Hz, half of "
        r"sample_rate, got \[5000\.0, 7000\.0\]"
    )
    with pytest.raises(ConfigError, match=message):
        experiment.check(path)


def test_a_mistake_in_a_section_is_told_with_its_path(write_experiment):
    clipping = {"clipping": {"probability": 0.5, "shares": [0, 1]}}
    path = write_experiment(data={"train": {"utterances": "u", "augmentation": clipping}})
    message = r"data\.train\.augmentation\.clipping\.shares: there is no such option"
    with pytest.raises(ConfigError, match=message):
        experiment.check(path)
