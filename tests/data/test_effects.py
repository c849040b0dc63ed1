"""Each effect, measured on what it makes of a known signal."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from wesep_like.data.simulation.augmentation.effects import Effects
from wesep_like.data.simulation.augmentation.plans import (
    BandPlan,
    EffectsPlan,
    EqualizerPlan,
    GainPlan,
    PeakPlan,
)

RATE = 16000


def noise(rows=1, seconds=2.0):
    rng = np.random.default_rng(0)
    return torch.from_numpy(0.1 * rng.standard_normal((rows, round(seconds * RATE)))).float()


def changed(signals, *plans, rate=RATE):
    effects = Effects.of(plans, signals, rate)
    return effects.on(signals, torch.ones_like(signals, dtype=torch.bool))


def spectrum_db(signal):
    """Power by frequency in dB, (8001,): a point is 1 Hz; smoothed over 101 Hz."""
    power = torch.fft.rfft(signal.double().reshape(-1, RATE)).abs().square().mean(0)
    padded = torch.nn.functional.pad(power[None, None], (50, 50), mode="reflect")
    return 10 * torch.nn.functional.avg_pool1d(padded, 101, stride=1)[0, 0].log10()


def gain_at(plan, hertz):
    """The gain in dB at some frequencies, less that at the first."""
    before = noise(seconds=16)
    gain = spectrum_db(changed(before, plan)[0]) - spectrum_db(before[0])
    return gain[hertz[1:]] - gain[hertz[0]]


@pytest.mark.parametrize("tilt_db", [-6.0, 2.5])
def test_a_tilt_is_so_many_db_an_octave(tilt_db):
    plan = EffectsPlan(equalizer=EqualizerPlan(tilt_db))
    gain = gain_at(plan, [1000, 500, 2000, 4000, 6000])
    expected = tilt_db * torch.tensor([-1, 1, 2, math.log2(6)])
    torch.testing.assert_close(gain.float(), expected, atol=0.2, rtol=0)


def test_a_peak_has_its_gain_in_the_middle_and_half_of_it_at_its_edges():
    peaks = (PeakPlan(1000.0, 8.0, 1.0), PeakPlan(5000.0, -6.0, 0.5))
    plan = EffectsPlan(equalizer=EqualizerPlan(0.0, peaks))
    low, high = 1000 * 2**-0.5, 1000 * 2**0.5
    gain = gain_at(plan, [150, 1000, round(low), round(high), 5000])
    expected = torch.tensor([8.0, 4.0, 4.0, -6.0])
    torch.testing.assert_close(gain.float(), expected, atol=0.25, rtol=0)


@pytest.mark.parametrize(("low", "high"), [(300, 3400), (0, 4000), (50, 7000)])
def test_a_band_limit_leaves_nothing_outside(low, high):
    after = changed(noise(), EffectsPlan(band_limit=BandPlan(low, high)))[0]
    power = torch.fft.rfft(after.double() * torch.hann_window(len(after))).abs().square()
    hertz = torch.arange(len(power)) / 2
    is_outside = (hertz < low - 60) | (hertz > high + 60)
    assert 10 * torch.log10(power[is_outside].sum() / power.sum()) < -60
    is_inside = (hertz > low + 60) & (hertz < high - 60)
    before = torch.fft.rfft(noise()[0].double() * torch.hann_window(len(after))).abs().square()
    ratio = 10 * torch.log10(power[is_inside] / before[is_inside])
    assert (ratio - ratio.mean()).abs().max() < 0.5  # flat


def test_a_filter_delays_nothing():
    click = torch.zeros(1, 8000)
    click[0, 4000] = 1.0
    plan = EffectsPlan(EqualizerPlan(3.0, (PeakPlan(500.0, 6.0, 1.0),)), BandPlan(300, 3400))
    after = changed(click, plan)[0]
    assert after.abs().argmax() == 4000
    torch.testing.assert_close(after[3001:4000].flip(0), after[4001:5000], atol=1e-6, rtol=0)


def test_a_gain_swings_as_planned():
    plan = EffectsPlan(gain=GainPlan(depth_db=5.0, period_seconds=1.0, phase=0.25))
    before = noise()
    gain = 20 * torch.log10((changed(before, plan) / before)[0])
    seconds = torch.arange(len(gain)) / RATE
    expected = 5 * torch.cos(2 * math.pi * seconds)
    torch.testing.assert_close(gain - gain.mean(), expected - expected.mean(), atol=1e-2, rtol=0)


@pytest.mark.parametrize("share", [0.001, 0.05, 0.3])
def test_so_many_samples_are_clipped(share):
    before = torch.nn.functional.pad(noise(), (5000, 9000))  # silence counts for nothing
    after = changed(before, EffectsPlan(clipped_share=share))[0]
    loudest = after.abs().max()
    num_clipped = int((after.abs() > 0.999999 * loudest).sum())
    assert num_clipped == pytest.approx(share * 2 * RATE, abs=3)
    # The rest is as it was, but for a gain.
    is_rest = (after.abs() < 0.999999 * loudest) & (before[0] != 0)
    factor = after[is_rest] / before[0, is_rest]
    torch.testing.assert_close(factor, factor[0].expand_as(factor))
    assert not after[before[0] == 0].any()


@pytest.mark.parametrize("codec", ["mu_law", "a_law"])
def test_a_codec_adds_the_noise_of_8_bits_and_leaves_silence(codec):
    before = torch.nn.functional.pad(noise(), (100, 0))
    after = changed(before, EffectsPlan(codec=codec))
    assert not after[0, :100].any()
    for level_db in (0.0, -20.0):
        # Companding makes the noise follow the signal: much the same SNR at any level.
        peak = torch.tensor([[0.9]])
        quiet = torch.cat([before * 10 ** (level_db / 20), peak], dim=1)
        decoded = changed(quiet, EffectsPlan(codec=codec))
        error = decoded[:, :-1] - quiet[:, :-1] * (decoded[0, -1] / peak)
        snr_db = 10 * torch.log10(quiet[:, :-1].square().sum() / error.square().sum())
        assert 33 < snr_db < 42
    assert len(after.unique()) <= 255


EVERYTHING = EffectsPlan(
    EqualizerPlan(-3.0, (PeakPlan(700.0, 9.0, 1.0),)),
    BandPlan(300.0, 3400.0),
    GainPlan(4.0, 3.0, 0.1),
    0.02,
    "mu_law",
)


def test_voices_stay_as_loud_as_they_were_and_those_without_effects_as_they_were():
    before = noise(3)
    copy = before.clone()
    after = changed(before, EVERYTHING, None, EffectsPlan(codec="a_law"))
    torch.testing.assert_close(after.square().sum(-1), before.square().sum(-1))
    assert torch.equal(after[1], before[1])
    assert not torch.allclose(after[0], before[0], atol=0.01)
    assert torch.equal(before, copy)


def test_a_voice_does_not_depend_on_its_batch_or_its_padding():
    short, long = noise(seconds=0.7), noise(seconds=2.0)
    padded = torch.nn.functional.pad(short, (0, long.shape[-1] - short.shape[-1]))
    both = torch.cat([padded, long])
    is_inside = torch.ones_like(both, dtype=torch.bool)
    is_inside[0, short.shape[-1] :] = False
    more = dataclasses.replace(
        EVERYTHING, equalizer=EqualizerPlan(1.0, (PeakPlan(200.0, 3.0, 1.0),) * 3), codec="a_law"
    )
    together = Effects.of([EVERYTHING, more], both, RATE).on(both, is_inside)
    # A codec takes a sample by a step up or down for the last bit of what it is given.
    alone = changed(short, EVERYTHING)[0]
    difference = (together[0, : short.shape[-1]] - alone).abs()
    assert (difference > 1e-6).float().mean() < 1e-3
    assert difference.max() < 0.02
    assert not together[0, short.shape[-1] :].any()


def test_silence_stays_silence():
    after = changed(torch.zeros(1, 4000), EVERYTHING)
    assert not after.any()


def test_nothing_is_done_where_no_plan_asks_for_it():
    assert Effects.of([None, None], noise(2), RATE) is None
