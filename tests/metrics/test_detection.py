import numpy as np
import pytest

from wesep_like.errors import ConfigError, TrialError
from wesep_like.metrics.detection import eer, min_dcf


def rates(scores, is_target):
    """Miss and false alarm rate at each distinct score and above all, counted one by one."""
    points = []
    for threshold in [*sorted(set(scores)), np.inf]:
        misses = sum(s < threshold for s, t in zip(scores, is_target, strict=True) if t)
        alarms = sum(s >= threshold for s, t in zip(scores, is_target, strict=True) if not t)
        points.append((misses / sum(is_target), alarms / (len(scores) - sum(is_target))))
    return points


def eer_by_hand(scores, is_target):
    points = rates(scores, is_target)
    for (miss, alarm), (next_miss, next_alarm) in zip(points, points[1:], strict=False):
        if miss <= alarm and next_miss >= next_alarm:
            way = (alarm - miss) / ((next_miss - miss) + (alarm - next_alarm))
            return miss + way * (next_miss - miss)
    raise AssertionError


def draw(seed, num=60, levels=None):
    rng = np.random.default_rng(seed)
    is_target = rng.random(num) < 0.3
    is_target[:2] = [True, False]
    scores = rng.standard_normal(num) + 1.2 * is_target
    if levels:  # many ties
        scores = np.round(scores * levels) / levels
    return scores, is_target


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("levels", [None, 1, 4])
def test_against_counting(seed, levels):
    scores, is_target = draw(seed, levels=levels)
    points = rates(scores.tolist(), is_target.tolist())
    result = eer(scores, is_target)
    assert result.rate == pytest.approx(eer_by_hand(scores.tolist(), is_target.tolist()))
    assert scores.min() <= result.threshold <= scores.max()
    for p_target, cost_miss, cost_false_alarm in [(0.01, 1, 1), (0.05, 1, 1), (0.4, 10, 2)]:
        costs = [
            p_target * cost_miss * miss + (1 - p_target) * cost_false_alarm * alarm
            for miss, alarm in points
        ]
        best_blind = min(p_target * cost_miss, (1 - p_target) * cost_false_alarm)
        assert min_dcf(
            scores,
            is_target,
            p_target=p_target,
            cost_miss=cost_miss,
            cost_false_alarm=cost_false_alarm,
        ) == pytest.approx(min(costs) / best_blind)


def test_order_does_not_matter_even_among_ties():
    scores, is_target = draw(3, levels=1)
    order = np.random.default_rng(0).permutation(len(scores))
    assert eer(scores[order], is_target[order]) == eer(scores, is_target)


def test_known_values():
    perfect = eer([0.1, 0.2, 0.8, 0.9], [False, False, True, True])
    assert perfect == (0.0, 0.8)
    assert eer([0.8, 0.9, 0.1, 0.2], [False, False, True, True]).rate == 1.0
    assert eer([0.5, 0.5, 0.5], [True, False, False]) == (0.5, 0.5)
    # One of three of each kind on the wrong side.
    assert eer([1, 2, 4, 3, 5, 6], [0, 0, 0, 1, 1, 1]).rate == pytest.approx(1 / 3)


def test_the_threshold_gives_the_rate():
    scores, is_target = draw(0, num=4000)
    rate, threshold = eer(scores, is_target)
    assert (scores[is_target] < threshold).mean() == pytest.approx(rate, abs=1e-3)
    assert (scores[~is_target] >= threshold).mean() == pytest.approx(rate, abs=1e-3)


def test_min_dcf_of_no_use_and_of_full_use():
    assert min_dcf([0.5, 0.5], [True, False]) == 1.0
    assert min_dcf([0.9, 0.1], [True, False]) == 0.0


@pytest.mark.parametrize("metric", [eer, min_dcf])
def test_messages(metric):
    with pytest.raises(TrialError, match=r"shapes \(2,\) and \(3,\)\. Give one score and one"):
        metric([1, 2], [1, 0, 1])
    with pytest.raises(TrialError, match=r"scores\[1\]: nan is no score \(1 of 2"):
        metric([1, np.nan], [1, 0])
    with pytest.raises(TrialError, match="2 target and 0 non-target trials"):
        metric([1, 2], [1, 1])
    with pytest.raises(TrialError, match="0 target and 0 non-target trials"):
        metric([], [])


def test_messages_of_costs():
    with pytest.raises(ConfigError, match=r"p_target: 1\.5\. A probability"):
        min_dcf([1, 2], [0, 1], p_target=1.5)
    with pytest.raises(ConfigError, match="cost_miss: 0. A cost is positive"):
        min_dcf([1, 2], [0, 1], cost_miss=0)
