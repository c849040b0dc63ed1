import os
import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from wesep_like.cli.app import run


@dataclass(frozen=True)
class Said:
    """What a command line left behind: its exit code and both of its streams."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _threads_as_they_were(monkeypatch):
    """`evaluate` says to the process, and so to what it starts, how many threads to take."""
    if "OMP_NUM_THREADS" in os.environ:
        monkeypatch.setenv("OMP_NUM_THREADS", os.environ["OMP_NUM_THREADS"])
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", "")
        monkeypatch.delenv("OMP_NUM_THREADS")


@pytest.fixture
def cli(capsys):
    """Runs a command line in this process: `cli("extract --help")`."""

    def call(line):
        capsys.readouterr()
        code = run(shlex.split(line))
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture
def place(tmp_path, monkeypatch, tiny_model):
    """A working folder with a mixture of 16 kHz, an enrollment and a model."""
    monkeypatch.chdir(tmp_path)
    write("mixture.wav", noise(1.5))
    write("enroll.wav", noise(2, seed=1))
    Path("model").symlink_to(tiny_model)
    return tmp_path


@pytest.fixture
def files(place):
    """All files of the working folder with their contents, to be compared afterwards."""

    def contents():
        return {
            str(path.relative_to(place)): path.read_bytes()
            for path in sorted(place.rglob("*"))
            if path.is_file()
        }

    return contents


def noise(seconds, rate=16000, channels=1, seed=0):
    """(samples, channels) of noise, far from silent and from clipping."""
    rng = np.random.default_rng(seed)
    return 0.1 * rng.standard_normal((round(seconds * rate), channels))


def write(path, samples, rate=16000, **more):
    soundfile.write(path, samples, rate, **more)


@pytest.fixture
def make_wav(place):
    """Writes noise into the working folder: `make_wav(name, seconds, rate, channels, seed=0)`."""

    def make(name, seconds, rate=16000, channels=1, *, seed=0):
        write(name, noise(seconds, rate, channels, seed), rate)

    return make
