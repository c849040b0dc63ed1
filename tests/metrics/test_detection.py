import numpy as np
import pytest

from wesep_like.errors import ConfigError, TrialError
from wesep_like.metrics.detection import act_dcf, convex_hull_eer, eer, min_dcf
from wesep_like.metrics.error_curves import SortedTrials


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


@pytest.mark.parametrize("metric", [eer, convex_hull_eer, min_dcf, act_dcf])
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


@pytest.mark.parametrize("levels", [None, 100])
def test_a_million_scores_as_scikit_learn_has_them(levels):
    from sklearn.metrics import det_curve, roc_curve

    scores, is_target = draw(5, num=1_000_000, levels=levels)
    curves = SortedTrials(scores, is_target).curves()
    accepted, hit, thresholds = roc_curve(is_target, scores, drop_intermediate=False)
    np.testing.assert_array_equal(thresholds[:0:-1], curves.thresholds)
    np.testing.assert_allclose(1 - hit[::-1], curves.miss, atol=1e-12)
    np.testing.assert_allclose(accepted[::-1], curves.false_alarm, atol=1e-12)
    # det_curve leaves out what lies before the first miss and behind the last false alarm.
    alarm, miss, thresholds = det_curve(is_target, scores)
    place = np.searchsorted(curves.thresholds, thresholds)
    np.testing.assert_allclose(miss, curves.miss[place], atol=1e-12)
    np.testing.assert_allclose(alarm, curves.false_alarm[place], atol=1e-12)
    crossing = np.argmin(np.abs(miss - alarm))
    assert eer(scores, is_target).rate == pytest.approx(
        miss[crossing], abs=5e-3 if levels else 1e-5
    )
    cost = (0.01 * (1 - hit) + 0.99 * accepted).min() / 0.01
    assert min_dcf(scores, is_target) == pytest.approx(cost)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("levels", [None, 1, 4])
def test_the_convex_hull(seed, levels):
    """At the worst prior: minimise over thresholds, maximise over priors."""
    scores, is_target = draw(seed, levels=levels)
    curves = SortedTrials(scores, is_target).curves()
    priors = np.linspace(0, 1, 20001)[:, None]
    worst = (priors * curves.miss + (1 - priors) * curves.false_alarm).min(-1).max()
    assert convex_hull_eer(scores, is_target) == pytest.approx(worst, abs=1e-4)
    assert convex_hull_eer(scores, is_target) <= eer(scores, is_target).rate + 1e-12
    hull = curves.convex_hull
    slopes = np.diff(hull.miss) / -np.diff(hull.false_alarm).clip(None, -1e-15)
    assert (np.diff(slopes) > 0).all()


def test_a_line_in_probits_where_scores_are_normal():
    rng = np.random.default_rng(0)
    is_target = rng.random(400_000) < 0.5
    scores = rng.standard_normal(len(is_target)) + 2 * is_target
    alarm, miss = SortedTrials(scores, is_target).curves().probits()
    inside = np.abs(alarm + 1) < 2
    np.testing.assert_allclose(miss[inside], -alarm[inside] - 2, atol=0.05)


def test_actual_cost_is_the_least_where_scores_are_calibrated():
    rng = np.random.default_rng(0)
    is_target = rng.random(200_000) < 0.5
    # log N(x; 1, 1) / N(x; -1, 1) = 2 x
    llr = 2 * (rng.standard_normal(len(is_target)) + np.where(is_target, 1, -1))
    for p_target in (0.1, 0.5):
        least = min_dcf(llr, is_target, p_target=p_target)
        assert act_dcf(llr, is_target, p_target=p_target) == pytest.approx(least, rel=0.02)
        assert act_dcf(llr + 3, is_target, p_target=p_target) > 1.2 * least


def test_actual_cost_by_hand():
    scores, is_target = [-1.0, 0.5, 3.0, 0.0], [False, False, True, True]
    # At equal priors the threshold is 0, which is accepted: one of two false alarms, no miss.
    assert act_dcf(scores, is_target, p_target=0.5) == pytest.approx(0.5)
    # A false alarm that costs e times as much: the threshold is 1.
    cost = act_dcf(scores, is_target, p_target=0.5, cost_false_alarm=np.e)
    assert cost == pytest.approx(0.5)
