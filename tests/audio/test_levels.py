import numpy as np
import pytest
import torch

from wesep_like.audio.levels import check_not_silent, gain, is_silent, power, rms_db
from wesep_like.errors import AudioError, SilentSignalError


@pytest.fixture(params=["array", "tensor"])
def signal(request):
    """Makes an array or a tensor of a list."""
    if request.param == "array":
        return lambda values: np.asarray(values, dtype=np.float32)
    return lambda values: torch.as_tensor(values, dtype=torch.float32)


def test_power_and_level(signal):
    samples = signal([[1.0, -1.0, 1.0, -1.0], [0.1, -0.1, 0.1, -0.1], [0.0, 0.0, 0.0, 0.0]])
    assert power(samples).tolist() == pytest.approx([1, 0.01, 0])
    assert rms_db(samples).tolist() == pytest.approx([0, -20, -140], abs=1e-4)
    assert type(power(samples)) is type(rms_db(samples)) is type(samples)


def test_a_gain_raises_the_level_by_what_it_says(signal):
    samples = signal([[0.3, -0.1, 0.2], [0.01, 0.02, -0.01]])
    decibels = signal([6.0, -30.0])
    raised = rms_db(samples * gain(decibels)[:, None]) - rms_db(samples)
    assert raised.tolist() == pytest.approx([6, -30], abs=1e-4)
    assert gain(20.0) == pytest.approx(10)


def test_silence(signal):
    loud, offset = [0.1, -0.1] * 50, [0.7] * 100
    one_step = [2**-15] + [0.0] * 99
    samples = signal([loud, offset, [0.0] * 100, one_step])
    assert is_silent(samples).tolist() == [False, True, True, False]
    with pytest.raises(
        SilentSignalError, match=r"^target\[1\]: is silent \(below -140 dB\)\. Give"
    ):
        check_not_silent(samples, "target")
    with pytest.raises(SilentSignalError, match=r"^target\[1, 0\]: is silent"):
        check_not_silent(signal([[loud], [offset]]), "target")
    with pytest.raises(SilentSignalError, match=r"^a\.wav: is silent"):
        check_not_silent(signal(offset), "a.wav")
    check_not_silent(signal([loud, one_step]), "target")


@pytest.mark.parametrize("num_samples", [1, 100, 160_001])
@pytest.mark.parametrize("offset", [0.7, -1 / 3, 1e-3])
def test_a_constant_is_silent(signal, num_samples, offset):
    samples = np.full((3, num_samples), offset)
    assert is_silent(signal(samples)).tolist() == [True] * 3
    if num_samples > 1:
        samples[1, ::2] += 2**-15
        assert is_silent(signal(samples)).tolist() == [True, False, True]


def test_no_samples(signal):
    with pytest.raises(AudioError, match=r"^a\.wav: has no samples$"):
        check_not_silent(signal([]), "a.wav")
