import math

import numpy as np
import pytest
import torch

from wesep_like.errors import ShapeError, SilentSignalError
from wesep_like.metrics.sdr import sdr, si_sdr


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def by_hand(estimate, target):
    """Le Roux et al. 2019, eq. 4-5, in plain NumPy."""
    estimate = estimate.double().numpy()
    target = target.double().numpy()
    estimate, target = estimate - estimate.mean(), target - target.mean()
    scaled = estimate @ target / (target @ target) * target
    return 10 * math.log10((scaled @ scaled) / ((estimate - scaled) @ (estimate - scaled)))


def test_si_sdr_agrees_with_the_definition():
    target = noise(2, 3, 1603)
    estimate = 0.3 * target + 0.1 * noise(2, 3, 1603, seed=1) + 0.05
    values = si_sdr(estimate, target)
    assert values.shape == (2, 3)
    for place in np.ndindex(2, 3):
        assert values[place].item() == pytest.approx(by_hand(estimate[place], target[place]), 1e-5)


def test_si_sdr_of_the_published_example():
    # The doctest of torchmetrics' scale_invariant_signal_distortion_ratio (zero_mean=False there).
    target = torch.tensor([3.0, -0.5, 2.0, 7.0])
    estimate = torch.tensor([2.5, 0.0, 2.0, 8.0])
    assert si_sdr(estimate, target, zero_mean=False).item() == pytest.approx(18.4030, abs=1e-4)


@pytest.mark.parametrize("gain", [1e-6, 1.0, 1e6])
def test_si_sdr_moves_with_no_gain_and_no_offset(gain):
    target = noise(1603)
    estimate = target + 0.1 * noise(1603, seed=1)
    expected = si_sdr(estimate, target).item()
    assert si_sdr(gain * estimate, target).item() == pytest.approx(expected, abs=1e-3)
    assert si_sdr(estimate, gain * target).item() == pytest.approx(expected, abs=1e-3)
    assert si_sdr(estimate + 1, target - 2).item() == pytest.approx(expected, abs=1e-3)


def test_zero_mean_false_keeps_the_offset():
    target = noise(1603)
    assert si_sdr(target + 1, target, zero_mean=False).item() < 1
    assert si_sdr(target + 1, target).item() > 80


def test_a_perfect_and_a_silent_estimate_have_finite_values_and_gradients():
    target = noise(3, 1603)
    estimate = torch.stack([target[0], torch.zeros(1603), -target[2]]).requires_grad_()
    values = si_sdr(estimate, target)
    assert values[0] > 100
    assert values[1] < -100
    assert values[2] > 100  # of the wrong sign, which a scale may have
    values.sum().backward()
    assert estimate.grad.isfinite().all()


def test_the_gradient_is_the_slope():
    target = noise(1, 40).double()
    estimate = (target + noise(1, 40, seed=1)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: si_sdr(x, target), estimate)


@pytest.mark.parametrize("metric", [si_sdr, sdr])
def test_shapes_must_agree(metric):
    with pytest.raises(ShapeError, match=r"estimate: shape \(2, 9\) is not target's \(2, 10\)"):
        metric(torch.ones(2, 9), torch.ones(2, 10))
    with pytest.raises(ShapeError, match=r"target: shape \(2, 0\) has no samples"):
        metric(torch.ones(2, 0), torch.ones(2, 0))


@pytest.mark.parametrize("metric", [si_sdr, sdr])
@pytest.mark.parametrize("value", [0.0, 0.5])  # a constant offset is no sound either
def test_a_silent_target_is_named(metric, value):
    target = noise(2, 3, 1603)
    target[1, 2] = value
    with pytest.raises(SilentSignalError, match=r"target\[1, 2\]: the signal is silent \(1603"):
        metric(target, target)
    with pytest.raises(SilentSignalError, match="target: the signal is silent"):
        metric(target[1, 2], target[1, 2])


def test_sdr_forgives_a_short_filter_and_si_sdr_does_not():
    target = noise(2, 8000)
    estimate = torch.roll(target, 5, -1) + 0.01 * noise(2, 8000, seed=1)
    assert si_sdr(estimate, target).max() < 0
    assert sdr(estimate, target).min() > 25


def test_sdr_by_least_squares():
    target = noise(900)
    estimate = target + 0.3 * noise(900, seed=1)
    delayed = np.zeros((900 + 15, 16))  # what a filter of 16 taps can make of the target
    for tap in range(16):
        delayed[tap : tap + 900, tap] = target.numpy()
    padded = np.concatenate([estimate.numpy(), np.zeros(15)])
    signal = delayed @ np.linalg.lstsq(delayed, padded, rcond=None)[0]
    expected = 10 * np.log10((signal**2).sum() / ((padded - signal) ** 2).sum())
    assert sdr(estimate, target, filter_length=16).item() == pytest.approx(expected, abs=1e-3)


def test_sdr_of_the_extremes_is_finite():
    target = noise(2, 1603)
    values = sdr(torch.stack([target[0], torch.zeros(1603)]), target)
    assert values[0] > 60
    assert values[1] == -100


def test_sdr_refuses_signals_shorter_than_its_filter():
    with pytest.raises(ShapeError, match="target: 100 samples are fewer than the filter's 512"):
        sdr(noise(100), noise(100))
