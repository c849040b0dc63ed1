"""Our metrics and the loss beside the packages that others publish with, called directly."""

import fast_bss_eval
import numpy as np
import pystoi
import pytest
import soundfile
import torch

from wesep_like.audio.resample import resample
from wesep_like.losses import NegSISDRLoss
from wesep_like.metrics.pesq import pesq
from wesep_like.metrics.sdr import sdr, si_sdr
from wesep_like.metrics.stoi import stoi

RATE = 16000
SNRS_DB = (20.0, 5.0, -5.0)
VOICES = ("1688/142285/1688-142285-0000", "533/1066/533-1066-0000")


def at_snr(target, other, snr_db):
    gain = np.linalg.norm(target) / np.linalg.norm(other) * 10 ** (-snr_db / 20)
    return target + gain * other


def speech(shared, sample_rate):
    folder = shared / "corpus" / "LibriSpeech" / "test-other"
    for name in VOICES:
        samples, rate = soundfile.read(folder / f"{name}.flac", stop=5 * RATE // 2, dtype="float32")
        yield resample(samples, rate, sample_rate)


@pytest.fixture(params=["another voice", "noise", "noise alone"])
def pairs(request, shared):
    """Gives estimates and targets, (3, samples) each, at a rate."""

    def make(sample_rate):
        target, other = speech(shared, sample_rate)
        rng = np.random.default_rng(0)
        if request.param != "another voice":
            other = rng.standard_normal(len(target))
        if request.param == "noise alone":
            target = 0.1 * rng.standard_normal(len(target))
        estimates = [0.7 * at_snr(target, other, snr_db) + 0.01 for snr_db in SNRS_DB]
        return np.stack(estimates).astype("f4"), np.stack([target] * len(SNRS_DB)).astype("f4")

    return make


def direct(function, estimates, targets, **options):
    """One signal after another, in double precision, as `fast_bss_eval` takes them."""
    values = [
        function(target[None].astype(float), estimate[None].astype(float), **options)
        for estimate, target in zip(estimates, targets, strict=True)
    ]
    return np.concatenate(values)


@pytest.mark.parametrize("zero_mean", [True, False])
def test_si_sdr_and_the_loss_are_those_of_fast_bss_eval(pairs, zero_mean):
    estimates, targets = pairs(RATE)
    expected = direct(fast_bss_eval.si_sdr, estimates, targets, zero_mean=zero_mean)
    tensors = torch.from_numpy(estimates), torch.from_numpy(targets)
    doubles = [tensor.double() for tensor in tensors]
    assert si_sdr(*doubles, zero_mean=zero_mean).numpy() == pytest.approx(expected, abs=1e-6)
    assert si_sdr(*tensors, zero_mean=zero_mean).numpy() == pytest.approx(expected, abs=1e-3)
    loss = NegSISDRLoss(zero_mean=zero_mean)(*tensors)
    assert -loss.numpy() == pytest.approx(expected, abs=1e-3)


def test_sdr_is_that_of_fast_bss_eval(pairs):
    estimates, targets = pairs(RATE)
    expected = direct(fast_bss_eval.sdr, estimates, targets)
    values = sdr(torch.from_numpy(estimates), torch.from_numpy(targets))
    assert values.numpy() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("sample_rate", "band"), [(RATE, "wb"), (RATE, "nb"), (8000, "nb")])
def test_pesq_is_that_of_its_package(pairs, sample_rate, band):
    package = pytest.importorskip("pesq")
    for estimate, target in zip(*pairs(sample_rate), strict=True):
        expected = package.pesq(sample_rate, target, estimate, band)
        assert pesq(estimate, target, sample_rate, band=band) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("sample_rate", [RATE, 8000])
@pytest.mark.parametrize("extended", [False, True])
def test_stoi_is_that_of_pystoi(pairs, sample_rate, extended):
    for estimate, target in zip(*pairs(sample_rate), strict=True):
        expected = pystoi.stoi(target, estimate, sample_rate, extended=extended)
        value = stoi(estimate, target, sample_rate, extended=extended)
        assert value == pytest.approx(expected, abs=1e-4)
