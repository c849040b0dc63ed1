"""A corpus of voices that a small model soon tells apart: hums, each at a pitch of its own."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import yaml

from wesep_like.config.files import write_config
from wesep_like.data.manifest import Utterance, read_manifest, write_manifest
from wesep_like.data.simulation.draw import MixturePlanner
from wesep_like.data.simulation.options import SimulationOptions
from wesep_like.data.simulation.plans import write_plans
from wesep_like.models.build import build_speaker
from wesep_like.models.model_file import save_model

RATE = 8000
SPEAKER = {"name": "ecapa_tdnn", "channels": 16, "embed_dim": 16}


def hum(pitch: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Harmonics of a pitch, in syllables."""
    time = np.arange(round(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * k * pitch * time + 6 * rng.random()) / k for k in range(1, 5))
    syllables = np.repeat(rng.uniform(0.2, 1, int(seconds * 8) + 1), RATE // 8)[: len(time)]
    return 0.1 * voice * syllables


@pytest.fixture(scope="session")
def hums(tmp_path_factory):
    """A data folder with train.jsonl and valid.jsonl, and the model file of a speaker module."""
    folder = tmp_path_factory.mktemp("hums")
    rng = np.random.default_rng(0)
    records = []
    for number, pitch in enumerate((110, 190, 310, 470)):
        for take in range(3):
            path = folder / f"{number}-{take}.wav"
            soundfile.write(path, hum(pitch, 1.5, rng), RATE)
            records.append(Utterance(path.stem, str(number), path.name, round(1.5 * RATE), RATE))
    write_manifest(folder / "train.jsonl", records)
    options = SimulationOptions("", mixture_seconds=1.0, enrollment_seconds=None)
    utterances = read_manifest(folder / "train.jsonl", Utterance)
    planner = MixturePlanner(utterances, [], [], options, RATE)
    plans = [planner.draw(np.random.default_rng(n), mixture_id=f"v{n}") for n in range(3)]
    write_plans(folder / "valid.jsonl", plans)
    config = {"task": "verification", "sample_rate": RATE, "model": {"speaker": SPEAKER}}
    save_model(folder / "speaker", build_speaker(config["model"], RATE), config)
    return folder


@pytest.fixture
def write_experiment(hums, tmp_path):
    """Writes a small experiment; `write_experiment(trainer={...}, freeze=[...])` -> path."""

    def write(name="tiny.yaml", **sections):
        config = {
            "task": "extraction",
            "sample_rate": RATE,
            "seed": 3,
            "model": {
                "separator": {"name": "bsrnn", "channels": 8, "hidden_dim": 8, "num_blocks": 2,
                              "bands": [[8, 125.0], [1, 1000.0]], "hop_ms": 16.0},
                "speaker": SPEAKER,
                "fusion": {"name": "film"},
                "fuse_before": "every",
            },
            "init": {"speaker": str(hums / "speaker")},
            "freeze": ["speaker"],
            "data": {
                "train": {"utterances": str(hums / "train.jsonl"), "mixture_seconds": 0.5,
                          "enrollment_seconds": 0.8},
                "valid": {"mixtures": str(hums / "valid.jsonl")},
            },
            "optimizer": {"name": "adam", "learning_rate": 0.01},
            "schedule": {"name": "exponential", "warmup_steps": 2},
            "trainer": {"num_steps": 4, "batch_size": 2, "validate_every": 2, "num_workers": 0,
                        "log_every": 1, "num_examples": 2},
        }  # fmt: skip
        for section, values in sections.items():
            is_part = isinstance(values, dict)
            config[section] = {**config.get(section, {}), **values} if is_part else values
        write_config(tmp_path / name, yaml.safe_load(yaml.safe_dump(config)))
        return tmp_path / name

    return write
