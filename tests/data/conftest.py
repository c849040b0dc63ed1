"""A corpus of noise: speakers a to d have three utterances, e and f one; b is at another rate."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from wesep_like.data.manifest import Noise, Room, Utterance
from wesep_like.data.reading import read_ingredients
from wesep_like.data.simulation.clips import Ingredients
from wesep_like.data.simulation.draw import MixturePlanner
from wesep_like.data.simulation.options import SimulationOptions
from wesep_like.data.simulation.plans import MixturePlan
from wesep_like.data.store import AudioStore

RATE = 8000


@dataclass(frozen=True)
class Corpus:
    folder: Path
    utterances: Sequence[Utterance]
    noises: Sequence[Noise]
    rooms: Sequence[Room]
    sample_rate: int = RATE

    def options(self, **options) -> SimulationOptions:
        return SimulationOptions(
            **{
                "utterances": "train/utterances.jsonl",
                "noise": "train/noise.jsonl",
                "rooms": "train/rooms.jsonl",
                "mixture_seconds": 1.0,
                "enrollment_seconds": 0.8,
                "min_enrollment_seconds": 0.5,
                **options,
            }
        )

    def planner(self, utterances: Sequence[Utterance] | None = None, **options) -> MixturePlanner:
        utterances = self.utterances if utterances is None else utterances
        return MixturePlanner(
            utterances, self.noises, self.rooms, self.options(**options), self.sample_rate
        )

    def draw(self, num: int, **options) -> list[MixturePlan]:
        planner = self.planner(**options)
        return [planner.draw(np.random.default_rng([7, n]), mixture_id=str(n)) for n in range(num)]

    def read(self, plans: Sequence[MixturePlan]) -> list[Ingredients]:
        store = AudioStore(self.sample_rate)
        return [read_ingredients(plan, store) for plan in plans]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Corpus:
    folder = tmp_path_factory.mktemp("corpus")

    def write(name: str, seconds: float, rate: int) -> tuple[Path, int]:
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        samples = (0.1 * rng.standard_normal(round(seconds * rate))).clip(-1, 1)
        soundfile.write(folder / name, samples, rate, subtype="PCM_16")
        return folder / name, len(samples)

    utterances = []
    seconds_of = dict.fromkeys("abcd", (0.9, 1.3, 0.4)) | dict.fromkeys("ef", (2.2,))
    for speaker, lengths in seconds_of.items():
        rate = 2 * RATE if speaker == "b" else RATE
        for number, seconds in enumerate(lengths):
            path, num_samples = write(f"{speaker}{number}.flac", seconds, rate)
            utterances.append(Utterance(path.stem, speaker, str(path), num_samples, rate))
    noises = []
    for name, seconds in (("rain", 0.3), ("sea", 2.0)):
        path, num_samples = write(f"{name}.flac", seconds, RATE)
        noises.append(Noise(name, str(path), num_samples, RATE))
    rooms = []
    for room in ("hall", "kitchen"):
        for place in range(3):
            rng = np.random.default_rng(zlib.crc32(f"{room}{place}".encode()))
            taps = 0.05 * rng.standard_normal((900, 2)) * np.exp(-np.arange(900) / 200)[:, None]
            taps[: 20 + 30 * place] = 0
            taps[20 + 30 * place] = -0.7 if place == 0 else 0.6
            path = folder / f"{room}{place}.wav"
            soundfile.write(path, taps, RATE, subtype="FLOAT")
            rooms.append(Room(path.stem, str(path), len(taps), RATE, 2, room))
    return Corpus(folder, utterances, noises, rooms)
