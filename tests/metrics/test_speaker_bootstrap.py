import itertools

import numpy as np
import pytest

from wesep_like.errors import TrialError
from wesep_like.metrics.detection import eer_of
from wesep_like.metrics.error_curves import SortedTrials
from wesep_like.metrics.speaker_bootstrap import (
    achieved_significance,
    draw_speakers,
    percentile_interval,
)


def draw(seed, num_speakers=12, per_speaker=4):
    """All pairs of voices that differ by speaker and by utterance, and who they are of."""
    rng = np.random.default_rng(seed)
    voices = np.repeat(rng.standard_normal((num_speakers, 3)), per_speaker, axis=0)
    voices = voices + 0.7 * rng.standard_normal(voices.shape)
    pairs = list(itertools.combinations(range(len(voices)), 2))
    scores = np.array([-np.square(voices[a] - voices[b]).sum() for a, b in pairs])
    speakers = [(f"s{a // per_speaker}", f"s{b // per_speaker}") for a, b in pairs]
    return scores, np.array([a == b for a, b in speakers]), speakers


def rate(curves):
    return eer_of(curves).rate


def rates(is_target, speakers, *systems, num_resamples=100, seed=0):
    """The EER of each system in each draw, (systems, draws)."""
    trials = [SortedTrials(scores, is_target) for scores in systems]
    return draw_speakers(trials, speakers, {"eer": rate}, num_resamples=num_resamples, seed=seed)[
        "eer"
    ]


def test_a_weight_is_a_trial_that_is_there_so_often():
    scores, is_target, _ = draw(0, num_speakers=5)
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 4, len(scores))
    again = np.repeat(np.arange(len(scores)), weights)
    expected = SortedTrials(scores[again], is_target[again]).curves()
    weighted = SortedTrials(scores, is_target).curves(weights.astype(float))
    assert rate(weighted) == pytest.approx(rate(expected))
    assert rate(weighted.convex_hull) == pytest.approx(rate(expected.convex_hull))


def test_the_interval_has_the_rate_of_the_population_about_as_often_as_it_says():
    population = np.mean([rate(SortedTrials(*draw(1000 + n)[:2]).curves()) for n in range(60)])
    hits = 0
    for seed in range(40):
        scores, is_target, speakers = draw(seed)
        low, high = percentile_interval(rates(is_target, speakers, scores)[0])
        hits += low <= population <= high
    assert hits >= 30  # of 40; few speakers make it a little narrow


def test_it_is_wider_than_if_trials_were_independent():
    scores, is_target, speakers = draw(3)
    low, high = percentile_interval(rates(is_target, speakers, scores, num_resamples=300)[0])
    rng = np.random.default_rng(0)
    each = []
    for _ in range(300):
        drawn = rng.integers(len(scores), size=len(scores))
        each.append(rate(SortedTrials(scores[drawn], is_target[drawn]).curves()))
    assert high - low > 1.5 * np.subtract(*np.percentile(each, [97.5, 2.5]))


def test_draws_depend_on_the_seed_and_on_no_other_system():
    scores, is_target, speakers = draw(1, num_speakers=6)
    noisy = scores + np.random.default_rng(0).standard_normal(len(scores))
    alone = rates(is_target, speakers, scores, num_resamples=50, seed=4)
    both = rates(is_target, speakers, noisy, scores, num_resamples=50, seed=4)
    np.testing.assert_array_equal(both[1:], alone)
    assert (rates(is_target, speakers, scores, num_resamples=50, seed=5) != alone).any()


def test_systems_of_one_order_never_differ():
    scores, is_target, speakers = draw(2, num_speakers=5)
    one, other = rates(is_target, speakers, scores, np.exp(scores), num_resamples=30)
    assert percentile_interval(one - other) == (0, 0)
    assert achieved_significance(one - other) == 1


def test_differences_of_pairs_are_surer_than_of_two_sets_of_draws():
    scores, is_target, speakers = draw(4)
    noise = np.random.default_rng(0).standard_normal(len(scores))
    worse = scores + 4 * noise
    one, other = rates(is_target, speakers, scores, worse, num_resamples=200)
    (apart,) = rates(is_target, speakers, worse, num_resamples=200, seed=1)
    low, high = percentile_interval(one - other)
    assert high - low < 0.9 * np.subtract(*percentile_interval(one - apart)[::-1])
    one, other = rates(is_target, speakers, scores, scores + 15 * noise, num_resamples=200)
    assert percentile_interval(one - other)[1] < 0
    assert achieved_significance(one - other) < 0.05


def test_chance_is_seldom_taken_for_a_difference():
    """Two systems that hear the same voices, each with noise of its own."""
    p = []
    for seed in range(24):
        scores, is_target, speakers = draw(seed, num_speakers=10, per_speaker=3)
        noise = np.random.default_rng(1000 + seed).standard_normal((2, len(scores)))
        one, other = rates(is_target, speakers, *(scores + 2 * noise), num_resamples=50)
        p.append(achieved_significance(one - other))
    assert np.mean(np.array(p) < 0.05) <= 0.15
    assert 0.3 < np.median(p) < 0.8


def test_significance_by_hand():
    differences = np.array([-3.0, -2.0, -1.0, -1.0, 0.0, 2.0, -1.0, -2.0, -2.0])
    assert achieved_significance(differences) == pytest.approx(2 * 3 / 10)  # two of nine, and one
    assert achieved_significance(-differences) == pytest.approx(2 * 3 / 10)
    assert achieved_significance(np.arange(1.0, 1000)) == pytest.approx(0.002)


def test_messages():
    scores, is_target, speakers = draw(0, num_speakers=3, per_speaker=2)
    with pytest.raises(TrialError, match="trial 1 is a target trial, but its speakers are 's0'"):
        rates(is_target, [("s0", "s1"), *speakers[1:]], scores)
    scores, is_target, speakers = draw(0, num_speakers=2, per_speaker=2)
    with pytest.raises(TrialError, match="speakers: 2. Intervals over speakers need 3 or more"):
        rates(is_target, speakers, scores)
