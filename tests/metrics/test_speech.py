"""PESQ and STOI, on something with the envelope and the harmonics of speech."""

import importlib.util
import sys

import numpy as np
import pytest
import torch

from wesep_like.errors import AudioError, MissingPackageError, SampleRateError, ShapeError
from wesep_like.metrics.pesq import pesq
from wesep_like.metrics.stoi import stoi


def voice(sample_rate, seconds=1.5):
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    pitch = 120 + 20 * np.sin(2 * np.pi * 2 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    harmonics = sum(np.sin(number * phase) / number for number in range(1, 25))
    return 0.1 * harmonics * np.clip(np.sin(2 * np.pi * 3 * time), 0, None)


def noisy(signal, level):
    return signal + level * np.random.default_rng(0).standard_normal(len(signal))


# It must be compiled, and only the PESQ score needs it: the environment may be without.
NEEDS_PESQ = pytest.mark.skipif(
    importlib.util.find_spec("pesq") is None, reason="the package pesq is not installed"
)
METRICS = [
    pytest.param(pesq, marks=NEEDS_PESQ),
    stoi,
    lambda e, t, sr: stoi(e, t, sr, extended=True),
]


@pytest.mark.parametrize("sample_rate", [8000, 16000])
@pytest.mark.parametrize("metric", METRICS, ids=["pesq", "stoi", "estoi"])
def test_more_noise_is_worse_and_the_best_is_known(metric, sample_rate):
    target = voice(sample_rate)
    values = [metric(noisy(target, level), target, sample_rate) for level in (0, 0.02, 0.2)]
    assert values[0] > values[1] > values[2]
    # MOS-LQO of a perfect copy: P.862.1 at 8 kHz, P.862.2 at 16 kHz.
    best = {8000: 4.55, 16000: 4.64}[sample_rate] if metric is pesq else 1.0
    assert values[0] == pytest.approx(best, abs=0.01)


@pytest.mark.parametrize("metric", METRICS, ids=["pesq", "stoi", "estoi"])
def test_argument_order_and_kind(metric):
    target = voice(16000)
    estimate = noisy(target, 0.005).astype(np.float32)
    value = metric(estimate, target.astype(np.float32), 16000)
    tensors = torch.tensor(estimate), torch.tensor(target.astype(np.float32))
    assert metric(*tensors, 16000) == value
    assert metric(tensors[1], tensors[0], 16000) != value


def test_estoi_gives_the_same_digits_and_leaves_the_global_generator_alone():
    target = voice(16000)
    estimate = noisy(target, 0.05)
    np.random.seed(1)
    first = stoi(estimate, target, 16000, extended=True)
    drawn = np.random.random()
    assert stoi(estimate, target, 16000, extended=True) == first
    np.random.seed(1)
    assert np.random.random() == drawn


@pytest.mark.parametrize("metric", METRICS, ids=["pesq", "stoi", "estoi"])
def test_shapes(metric):
    with pytest.raises(ShapeError, match=r"estimate: shape \(9,\) is not target's \(10,\)"):
        metric(np.ones(9), np.ones(10), 16000)
    with pytest.raises(ShapeError, match=r"target: shape \(1, 10\)\. Give single signals"):
        metric(np.ones((1, 10)), np.ones((1, 10)), 16000)


@NEEDS_PESQ
def test_pesq_messages():
    target = voice(16000)
    with pytest.raises(SampleRateError, match="PESQ has no meaning at 44100 Hz"):
        pesq(target, target, 44100)
    for pair in [(target, 0 * target), (0 * target, target)]:
        with pytest.raises(AudioError, match="PESQ: a signal is silent"):
            pesq(*pair, 16000)
    with pytest.raises(AudioError, match=r"PESQ: 0\.062 s are too short"):
        pesq(target[:1000], target[:1000], 16000)
    noise = noisy(np.zeros(16000), 0.1)
    blip = np.where(np.arange(16000) < 1600, noise, 0)  # 0.1 s: no utterance is so short
    with pytest.raises(AudioError, match="PESQ: no utterance was found"):
        pesq(noise, blip, 16000)


def test_pesq_without_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "pesq", None)
    with pytest.raises(MissingPackageError, match="PESQ: the package pesq is not installed"):
        pesq(voice(16000), voice(16000), 16000)


@pytest.mark.parametrize("target", [voice(16000)[:3000], 0 * voice(16000), np.eye(1, 16000)[0]])
def test_stoi_messages(target):
    with pytest.raises(AudioError, match=r"STOI: of .* s too little is speech"):
        stoi(target, target, 16000)
