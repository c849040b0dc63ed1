import itertools

import numpy as np
import pytest

from wesep_like.errors import TrialError
from wesep_like.metrics.detection import eer_of
from wesep_like.metrics.error_curves import SortedTrials
from wesep_like.metrics.speaker_bootstrap import speaker_intervals


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
        low, high = speaker_intervals(*draw(seed), {"eer": rate}, num_resamples=100)["eer"]
        hits += low <= population <= high
    assert hits >= 30  # of 40; few speakers make it a little narrow


def test_it_is_wider_than_if_trials_were_independent():
    scores, is_target, speakers = draw(3)
    low, high = speaker_intervals(scores, is_target, speakers, {"eer": rate}, num_resamples=300)[
        "eer"
    ]
    rng = np.random.default_rng(0)
    each = []
    for _ in range(300):
        drawn = rng.integers(len(scores), size=len(scores))
        each.append(rate(SortedTrials(scores[drawn], is_target[drawn]).curves()))
    assert high - low > 1.5 * np.subtract(*np.percentile(each, [97.5, 2.5]))


def test_same_seed_same_interval():
    trials = draw(1, num_speakers=6)
    first, again = (
        speaker_intervals(*trials, {"eer": rate}, num_resamples=50, seed=4) for _ in range(2)
    )
    assert first == again


def test_messages():
    scores, is_target, speakers = draw(0, num_speakers=3, per_speaker=2)
    with pytest.raises(TrialError, match="trial 1 is a target trial, but its speakers are 's0'"):
        speaker_intervals(scores, is_target, [("s0", "s1"), *speakers[1:]], {"eer": rate})
    scores, is_target, speakers = draw(0, num_speakers=2, per_speaker=2)
    with pytest.raises(TrialError, match="speakers: 2. Intervals over speakers need 3 or more"):
        speaker_intervals(scores, is_target, speakers, {"eer": rate})
