import numpy as np
import pytest
import torch

from wesep_like.errors import AudioError, SampleRateError, ShapeError, SilentSignalError
from wesep_like.inference.signals import (
    ShortEnrollmentWarning,
    fit_length,
    to_mono,
    warn_if_short,
)


def noise(num_samples):
    return 0.1 * np.random.default_rng(0).standard_normal(num_samples)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_any_floating_point_becomes_single(dtype):
    samples = to_mono(noise(1600).astype(dtype), 16000, "x")
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, noise(1600), atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_tensors_do_as_well(dtype):
    signal = torch.from_numpy(noise(1600)).to(dtype).requires_grad_()
    samples = to_mono(signal, 16000, "x")
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, noise(1600), atol=2e-3)


@pytest.mark.parametrize(
    ("signal", "rate", "error", "message"),
    [
        (
            np.ones((2, 1600)),
            16000,
            ShapeError,
            r"a\.wav: expected one channel.*\(2, 1600\)",
        ),
        (np.ones(1600, np.int16), 16000, AudioError, "floating-point.*got int16. Divide 16-bit"),
        (torch.ones(1600, dtype=torch.int16), 16000, AudioError, "got int16"),
        (noise(1600), 0, SampleRateError, "sample rate in whole Hz above 0, got 0"),
        (noise(1600), 16000.5, SampleRateError, "got 16000.5"),
        (noise(1600), True, SampleRateError, "got True"),
        (noise(160), 16000, AudioError, r"a\.wav: too short \(10 ms\). At least 100 ms are needed"),
        (np.empty(0), 16000, AudioError, r"too short \(0 ms\)"),
        (np.full(1600, np.nan), 16000, AudioError, "NaN or infinite. Repair the recording"),
        (np.zeros(1600), 16000, SilentSignalError, r"a\.wav: is silent"),
        (np.full(1600, 0.5), 16000, SilentSignalError, r"a\.wav: is silent"),
    ],
)
def test_messages(signal, rate, error, message):
    with pytest.raises(error, match=message):
        to_mono(signal, rate, "a.wav")


def test_a_model_may_need_more():
    with pytest.raises(AudioError, match=r"too short \(100 ms\). At least 250 ms are needed"):
        to_mono(noise(1600), 16000, "a.wav", min_seconds=0.25)


def test_less_than_a_second_of_enrollment_is_told():
    with pytest.warns(ShortEnrollmentWarning, match=r"a\.wav: only 0\.50 s long"):
        warn_if_short(noise(8000), 16000, "a.wav")
    warn_if_short(noise(16000), 16000, "a.wav")  # a warning would be an error


def test_lengths_fit():
    np.testing.assert_array_equal(fit_length(np.ones(3), 5), [1, 1, 1, 0, 0])
    np.testing.assert_array_equal(fit_length(np.arange(3), 2), [0, 1])
