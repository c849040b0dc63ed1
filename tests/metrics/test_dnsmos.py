import sys
import types

import numpy as np
import pytest
import soundfile
import torch

from wesep_like.errors import AudioError, MissingPackageError, ShapeError
from wesep_like.metrics.dnsmos import SCORES, dnsmos


def noise(num_samples, level=0.1):
    return level * np.random.default_rng(0).standard_normal(num_samples)


@pytest.fixture
def heard(monkeypatch):
    """Stands for the package; gives what it was given."""
    signals = []

    def run(samples, sample_rate):
        signals.append((samples, sample_rate))
        values = {"ovrl_mos": 2.0, "sig_mos": 3.0, "bak_mos": np.float64(4.0), "p808_mos": 3.5}
        return values | {"filename": "x"}

    package = types.ModuleType("speechmos")
    package.dnsmos = types.SimpleNamespace(run=run)
    monkeypatch.setitem(sys.modules, "speechmos", package)
    return signals


@pytest.mark.parametrize("level", [0.01, 3.0])
@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100])
def test_the_package_gets_what_it_takes(heard, level, sample_rate):
    signal = noise(sample_rate, level)
    values = dnsmos(torch.from_numpy(signal), sample_rate)
    assert values == {"ovrl": 2.0, "sig": 3.0, "bak": 4.0, "p808": 3.5}
    assert [type(value) for value in values.values()] == [float] * len(SCORES)
    (samples, rate), *_ = heard
    assert (rate, samples.shape) == (16000, (16000,))
    assert np.abs(samples).max() <= 1
    if level < 1 and sample_rate == 16000:
        np.testing.assert_allclose(samples, signal, rtol=1e-6)


@pytest.mark.usefixtures("heard")
def test_messages():
    with pytest.raises(ShapeError, match=r"signal: shape \(2, 16000\)\. Give a single signal"):
        dnsmos(np.ones((2, 16000)), 16000)
    with pytest.raises(AudioError, match=r"DNSMOS: 0\.062 s are too short\. It needs 0\.1 s"):
        dnsmos(noise(1000), 16000)
    with pytest.raises(AudioError, match="DNSMOS: the signal is silent"):
        dnsmos(np.zeros(16000), 16000)


def test_without_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "speechmos", None)
    with pytest.raises(MissingPackageError, match="DNSMOS: the package speechmos is not installed"):
        dnsmos(noise(16000), 16000)


@pytest.mark.slow  # librosa compiles what it needs
def test_it_hears_noise_and_not_who_speaks(shared):
    pytest.importorskip("speechmos")
    folder = shared / "corpus" / "LibriSpeech" / "test-other"
    voice, other = (
        soundfile.read(folder / name, stop=64000)[0]
        for name in ("1688/142285/1688-142285-0000.flac", "533/1066/533-1066-0001.flac")
    )
    clean, noisy = (dnsmos(voice + noise(64000, level), 16000) for level in (0, 0.05))
    assert all(1 <= value <= 5 for value in clean.values())
    assert all(clean[name] > noisy[name] for name in SCORES)
    assert clean["ovrl"] > noisy["ovrl"] + 0.5
    # Another voice is as good: why it never stands alone.
    assert abs(dnsmos(other, 16000)["ovrl"] - clean["ovrl"]) < 0.5
