import numpy as np
import pytest

from wesep_like.metrics.resampling import mean_interval, share_interval, sign_flip_p


def pairs_of_trials(rng, num, effect):
    """Differences on `num` mixtures of two trials each, which go together (correlation 0.8)."""
    shared, own = rng.normal(0, 2, (num, 1)), rng.normal(0, 1, (num, 2))
    return (effect + shared + own).ravel(), np.repeat(np.arange(num), 2)


def test_the_interval_covers_the_mean_of_clusters_as_often_as_it_says():
    rng = np.random.default_rng(0)
    by_cluster = by_trial = 0
    for _ in range(100):
        values, clusters = pairs_of_trials(rng, 40, effect=3.0)
        low, high = mean_interval(values, clusters)
        by_cluster += low <= 3 <= high
        low, high = mean_interval(values)
        by_trial += low <= 3 <= high
    assert 88 <= by_cluster <= 99
    assert by_trial <= 88  # as if there were twice as many mixtures


def test_p_is_uniform_where_there_is_no_difference():
    rng = np.random.default_rng(1)
    by_cluster, by_trial = [], []
    for _ in range(60):
        values, clusters = pairs_of_trials(rng, 30, effect=0.0)
        by_cluster.append(sign_flip_p(values, clusters))
        by_trial.append(sign_flip_p(values))
    # Kolmogorov-Smirnov: with 60 values a distance above 0.21 has a probability of 1 %.
    steps = np.arange(1, 61) / 60
    assert np.abs(np.sort(by_cluster) - steps).max() < 0.21
    assert np.mean(np.array(by_trial) < 0.05) > 0.08  # what comes of taking them for independent


def test_a_difference_is_found():
    values, clusters = pairs_of_trials(np.random.default_rng(2), 100, effect=1.5)
    assert sign_flip_p(values, clusters) < 0.001
    assert sign_flip_p(values, clusters) == sign_flip_p(-values, clusters)
    assert sign_flip_p(values[:6] * 0 + 1.0) == pytest.approx(2 / 64, abs=0.01)  # 2 of 2^6 flips


def test_no_difference_at_all_and_a_single_trial():
    assert sign_flip_p(np.zeros(5)) == 1
    assert sign_flip_p(np.array([3.0])) == 1
    assert mean_interval(np.array([3.0])) is None
    assert mean_interval(np.array([3.0, 4.0]), ["a", "a"]) is None


def test_clusters_of_unequal_size_weigh_by_their_trials():
    values, clusters = np.array([0.0, 0.0, 0.0, 4.0]), ["a", "a", "a", "b"]
    assert mean_interval(values, clusters) == (0, 4)
    low, high = mean_interval(np.tile(values, 50), np.arange(200) // 4)
    assert (low, high) == (1, 1)


@pytest.mark.parametrize(
    ("num", "num_all", "interval"),
    [(0, 10, (0.0, 0.2775)), (10, 10, (0.7225, 1.0)), (81, 263, (0.2553, 0.3662))],
)
def test_the_interval_of_a_share_is_wilsons(num, num_all, interval):
    # The last one is worked out in Newcombe (1998), table I.
    assert share_interval(num, num_all) == pytest.approx(interval, abs=1e-4)
