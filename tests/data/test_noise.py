"""Noise: recordings that are cut or repeated, and colours."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from wesep_like.data.manifest import Noise
from wesep_like.data.simulation.colored_noise import colored_noise
from wesep_like.data.simulation.draw import MixturePlanner
from wesep_like.data.simulation.options import SimulationOptions
from wesep_like.data.simulation.plans import NoiseColor, read_plans, write_plans
from wesep_like.errors import ConfigError, ManifestError


def slope_db(samples, rate):
    """By how much the power spectrum rises in an octave, from 100 Hz to 3 kHz."""
    power = np.square(np.abs(np.fft.rfft(samples)))
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    edges = 100 * 2 ** np.arange(0, 5.1, 0.5)
    means = [
        10 * np.log10(power[(frequencies >= low) & (frequencies < high)].mean())
        for low, high in zip(edges[:-1], edges[1:], strict=True)
    ]
    return np.polyfit(np.arange(len(means)) / 2, means, 1)[0]


@pytest.mark.parametrize("exponent", [-2.0, -1.0, 0.0, 1.0, 2.0])
def test_a_colour_falls_as_its_exponent_says(exponent):
    samples = colored_noise(NoiseColor(exponent, 5), 80_001, 8000)
    assert samples.dtype == np.float32
    assert samples.shape == (80_001,)
    assert slope_db(samples, 8000) == pytest.approx(-3.01 * exponent, abs=0.5)
    assert np.sqrt(np.square(samples).mean()) == pytest.approx(1, abs=0.2)
    assert abs(samples.mean()) < 0.05


def test_brown_noise_is_not_all_below_what_is_heard():
    samples = colored_noise(NoiseColor(2.0, 1), 80_000, 8000)
    power = np.square(np.abs(np.fft.rfft(samples)))
    assert power[: 20 * 10].sum() < 0.8 * power.sum()


def test_a_colour_is_the_same_for_ever():
    found = colored_noise(NoiseColor(1.0, 7), 3, 8000)
    assert np.array_equal(found, colored_noise(NoiseColor(1.0, 7), 3, 8000))
    assert not np.array_equal(found, colored_noise(NoiseColor(1.0, 8), 3, 8000))
    np.testing.assert_allclose(
        np.random.default_rng(7).standard_normal(3),
        [0.00123015, 0.29874554, -0.27413786],
        atol=1e-7,
    )  # what the samples are made of: NumPy's, which moves between no releases so far


def without_noises(corpus, **options):
    options = replace(corpus.options(**options), noise=None)
    return MixturePlanner(corpus.utterances, [], corpus.rooms, options, corpus.sample_rate)


def test_noise_without_recordings_is_coloured(corpus, tmp_path):
    planner = without_noises(corpus, noise_probability=0.5, noise_exponent_range=(0.5, 1.5))
    plans = [planner.draw(np.random.default_rng([7, n]), mixture_id=str(n)) for n in range(60)]
    colors = [plan.noise.color for plan in plans if plan.noise]
    assert 15 < len(colors) < 45
    assert all(0.5 <= color.exponent <= 1.5 for color in colors)
    assert len({color.seed for color in colors}) == len(colors)
    # All else is as with recordings.
    for plan, other in zip(plans, corpus.draw(60, noise_probability=0.5), strict=True):
        assert replace(plan, noise=None) == replace(other, noise=None)
        assert (plan.noise and plan.noise.snr_db) == (other.noise and other.noise.snr_db)
    write_plans(tmp_path / "m.jsonl", plans)
    assert read_plans(tmp_path / "m.jsonl") == plans
    noisy = [plan for plan in plans if plan.noise][:3]
    for plan, example in zip(noisy, corpus.read(noisy), strict=True):
        assert np.array_equal(example.noise, colored_noise(plan.noise.color, 8000, 8000))


def test_short_noise_is_repeated_from_anywhere_and_long_noise_cut_anywhere(corpus):
    plans = corpus.draw(80, noise_probability=1.0)
    samples = {n.path: soundfile.read(n.path, dtype="float32")[0] for n in corpus.noises}
    offsets, starts = set(), set()
    for plan, example in zip(plans, corpus.read(plans), strict=True):
        clip, offset = plan.noise.clip, plan.noise.offset
        whole = samples[clip.path]
        if len(whole) < plan.num_samples:
            assert (clip.start, clip.num_samples) == (0, len(whole))
            expected = np.tile(whole, 5)[offset : offset + plan.num_samples]
            offsets.add(offset)
        else:
            assert offset == 0
            expected = whole[clip.start : clip.start + plan.num_samples]
            starts.add(clip.start)
        assert np.array_equal(example.noise, expected)
    for places, highest in ((offsets, 2400), (starts, 8000)):
        assert len(places) > 20
        assert min(places) < 0.1 * highest
        assert 0.9 * highest < max(places) <= highest


def test_noise_of_the_mixtures_length_is_left_whole(corpus):
    exact = Noise("exact", corpus.noises[0].path, 8000, 8000)
    planner = MixturePlanner(
        corpus.utterances, [exact], [], corpus.options(noise_probability=1.0), 8000
    )
    plan = planner.draw(np.random.default_rng(3))
    assert (plan.noise.clip.start, plan.noise.offset) == (0, 0)


@pytest.mark.parametrize("noise", [{"snr_db": 3.0}, {"snr_db": 3.0, "color": 1}])
def test_noise_is_a_recording_or_a_colour(corpus, tmp_path, noise):
    (plan,) = corpus.draw(1)
    write_plans(tmp_path / "m.jsonl", [plan])
    line = {**json.loads((tmp_path / "m.jsonl").read_text()), "noise": noise}
    (tmp_path / "m.jsonl").write_text(json.dumps(line))
    message = "noise.color: expected" if "color" in noise else "noise: expected a clip or a color"
    with pytest.raises(ManifestError, match=rf"m\.jsonl:1: {message}"):
        read_plans(tmp_path / "m.jsonl")


def test_options_that_cannot_be():
    with pytest.raises(ConfigError, match=r"noise_exponent_range: expected low <= high, got \[2"):
        SimulationOptions("u.jsonl", noise_exponent_range=(2.0, 1.0))
