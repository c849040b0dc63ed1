"""Shards of a made-up corpus, packed by us and by WebDataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from webdataset.writer import TarWriter

from wesep_like.data.manifest import write_manifest
from wesep_like.data.shards.pack import pack


@pytest.fixture(scope="session")
def data_folder(corpus, tmp_path_factory) -> Path:
    """The corpus as `prepare` would have left it."""
    folder = tmp_path_factory.mktemp("data")
    write_manifest(folder / "utterances.jsonl", corpus.utterances)
    write_manifest(folder / "noise.jsonl", corpus.noises)
    return folder


@pytest.fixture(scope="session")
def shards(data_folder, tmp_path_factory) -> Path:
    """A folder with shards of four utterances."""
    folder = tmp_path_factory.mktemp("shards")
    pack(data_folder, folder, per_shard=4)
    return folder


@pytest.fixture
def write_tar(tmp_path):
    """Writes samples as WebDataset does: `write_tar("a.tar", {"__key__": "u1", "spk": b"x"})`."""

    def write(name: str, *samples: dict) -> str:
        with TarWriter(str(tmp_path / name), encoder=False, mtime=0) as tar:
            for sample in samples:
                tar.write(sample)
        return str(tmp_path / name)

    return write


@pytest.fixture
def sound(tmp_path):
    """The bytes of a sound file: `sound(0.5, seed=1)`."""

    def make(seconds: float = 1.0, *, seed: int = 0, suffix: str = "wav") -> bytes:
        samples = 0.1 * np.random.default_rng(seed).standard_normal(round(8000 * seconds))
        path = tmp_path / f"sound.{suffix}"
        soundfile.write(path, samples, 8000)
        content = path.read_bytes()
        path.unlink()
        return content

    return make
