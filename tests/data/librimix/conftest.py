"""A small LibriSpeech, WHAM! noise and metadata of two sets, all at 16 kHz."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from wesep_like.data.librimix.metadata import MetadataRow, ScaledFile, write_metadata


@dataclass(frozen=True)
class Corpus:
    librispeech: Path
    wham: Path
    metadata: Path
    rows: dict[str, list[MetadataRow]]


@pytest.fixture
def corpus(tmp_path) -> Corpus:
    """Speakers 1 to 4 have three utterances of 1.2 s and less; the first noise is too short."""
    librispeech, wham, metadata = (tmp_path / name for name in ("LibriSpeech", "wham", "metadata"))
    for speaker in range(1, 5):
        for number in range(3):
            name = f"{speaker}-10-000{number}"
            seconds = 1.2 - 0.1 * number - 0.07 * speaker
            write(librispeech / f"test-clean/{speaker}/10/{name}.flac", seconds)
    write(wham / "tt/short.wav", 0.7, channels=2)
    write(wham / "tt/long.wav", 2.5, channels=2)
    rows = {
        "test-clean": [
            row("1-10-0000", "2-10-0001", noise="tt/short.wav"),
            row("3-10-0000", "4-10-0002", noise="tt/long.wav"),
            row("2-10-0000", "1-10-0001", noise="tt/short.wav"),
        ],
        "dev-clean": [row("3-10-0001", "1-10-0002", noise="tt/long.wav")],
    }
    metadata.mkdir()
    for name, of_set in rows.items():
        write_metadata(metadata / f"libri2mix_{name}.csv", of_set)
    return Corpus(librispeech, wham, metadata, rows)


def write(path, seconds, rate=16000, channels=1):
    rng = np.random.default_rng(zlib.crc32(path.name.encode()))
    samples = 0.1 * rng.standard_normal((round(seconds * rate), channels))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="PCM_16")


def row(*names, noise=None):
    gains = (0.61, 1.4142135623730951, 0.3)
    sources = tuple(
        ScaledFile(f"test-clean/{name.split('-')[0]}/10/{name}.flac", gain)
        for name, gain in zip(names, gains, strict=False)
    )
    return MetadataRow("_".join(names), sources, ScaledFile(noise, 0.75) if noise else None)
