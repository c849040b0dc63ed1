import numpy as np
import pytest
import torch

from wesep_like.audio.resample import resample, resample_tensor, resampled_length
from wesep_like.errors import SampleRateError

RATES = [(16000, 8000), (8000, 16000), (44100, 16000), (16000, 44100), (10, 11), (11, 10)]


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
def test_length_is_rounded_up(from_hz, to_hz):
    for num_samples in (1, 2, 100, 1601, 1602, 1603):
        exact = num_samples * to_hz / from_hz
        length = resampled_length(num_samples, from_hz, to_hz)
        assert exact <= length < exact + 1
        assert resample(np.ones(num_samples), from_hz, to_hz).shape == (length,)
        assert resample_tensor(torch.ones(2, num_samples), from_hz, to_hz).shape == (2, length)


def test_arrays_take_any_rates():
    assert resample(np.ones(1603), 16001, 15999).shape == (1603,)
    assert resample(np.ones(7), 44100, 44101).shape == (8,)


def test_there_and_back_is_the_same():
    rng = np.random.default_rng(0)
    times = np.arange(16000) / 16000
    samples = sum(np.sin(2 * np.pi * hz * times + rng.uniform(0, 6)) for hz in (100, 1000, 3000))
    there = resample(samples, 16000, 44100)
    back = resample(there, 44100, 16000)
    np.testing.assert_allclose(back[500:-500], samples[500:-500], atol=2e-3)
    assert back.dtype == np.float32


def test_arrays_and_tensors_agree():
    samples = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000).astype(np.float32)
    array = resample(samples, 16000, 8000)[200:-200]
    tensor = resample_tensor(torch.from_numpy(samples), 16000, 8000)[200:-200]
    np.testing.assert_allclose(tensor.numpy(), array, atol=5e-3)


def test_what_a_low_rate_cannot_hold_is_removed_and_not_mirrored():
    samples = np.sin(2 * np.pi * 6000 * np.arange(16000) / 16000)
    assert np.abs(resample(samples, 16000, 8000)[200:-200]).max() < 1e-3


def test_the_same_rate_changes_nothing():
    samples = np.array([0.1, -0.2, 0.3], dtype=np.float32)
    np.testing.assert_array_equal(resample(samples, 8000, 8000), samples)


def test_tensors_are_differentiable():
    samples = torch.randn(2, 160, requires_grad=True)
    resample_tensor(samples, 16000, 8000).square().sum().backward()
    assert (samples.grad != 0).all(dim=0).any()


@pytest.mark.parametrize("rate", [0, -8000, 16000.5])
def test_rates_that_are_none(rate):
    with pytest.raises(SampleRateError, match=f"from_hz: expected a positive whole .*got {rate}"):
        resample(np.ones(9), rate, 8000)
    with pytest.raises(SampleRateError, match=f"to_hz: expected a positive whole .*got {rate}"):
        resample_tensor(torch.ones(9), 8000, rate)
