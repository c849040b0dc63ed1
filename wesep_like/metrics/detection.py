"""Error rates of deciding, by a score, whether two utterances have one speaker."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from wesep_like.errors import ConfigError
from wesep_like.metrics.error_curves import ErrorCurves, SortedTrials


class EER(NamedTuple):
    """The equal error rate, a fraction, and the score threshold at which it is reached."""

    rate: float
    threshold: float


def eer(scores: ArrayLike, is_target: ArrayLike) -> EER:
    """The rate at which misses and false alarms are equally frequent; smaller is better.

    With finitely many trials no threshold may give two equal rates. Both are then taken to run
    straight between neighbouring distinct scores, and the rate is where they cross. Trials of one
    score are accepted or rejected together, so their order does not matter.

    Args:
        scores: (trials,), larger means more alike.
        is_target: (trials,), whether the speaker is the same: booleans, or 0 and 1.

    Raises:
        TrialError: If the lengths differ, a score is not finite, or a class has no trial.
    """
    return eer_of(SortedTrials(scores, is_target).curves())


def convex_hull_eer(scores: ArrayLike, is_target: ArrayLike) -> float:
    """The same on the convex hull of the ROC, which is never larger.

    It is the error rate, at the worst of all priors, of the best decisions for that prior.
    Arguments and errors are those of `eer`.

    Source:
        Brümmer and de Villiers, "The BOSARIS toolkit", 2011, section 2.5.
    """
    return eer_of(SortedTrials(scores, is_target).curves().convex_hull).rate


def eer_of(curves: ErrorCurves) -> EER:
    """The equal error rate of curves that are drawn already."""
    miss, false_alarm, thresholds = curves.miss, curves.false_alarm, curves.thresholds
    gap = miss - false_alarm  # grows from -1, where all are accepted, to 1, where none is
    right = int(np.argmax(gap >= 0))
    left = right - 1
    weight = -gap[left] / (gap[right] - gap[left])
    # Past the highest score there is no finite threshold: stay at that score.
    low, high = thresholds[left], thresholds[min(right, len(thresholds) - 1)]
    return EER(
        rate=float(miss[left] + weight * (miss[right] - miss[left])),
        threshold=float(low + weight * (high - low)),
    )


def min_dcf(
    scores: ArrayLike,
    is_target: ArrayLike,
    *,
    p_target: float = 0.01,
    cost_miss: float = 1.0,
    cost_false_alarm: float = 1.0,
) -> float:
    """The lowest detection cost that any threshold reaches; smaller is better.

    Divided by the cost of the better of accepting all and rejecting all, so 1 is no use at all.

    Args:
        scores: (trials,), larger means more alike.
        is_target: (trials,), whether the speaker is the same: booleans, or 0 and 1.
        p_target: How probable a target trial is in use.
        cost_miss: Of rejecting a target trial.
        cost_false_alarm: Of accepting a non-target trial.

    Raises:
        TrialError: If the lengths differ, a score is not finite, or a class has no trial.
        ConfigError: If the probability is not within (0, 1) or a cost is not positive.

    Source:
        NIST 2016 speaker recognition evaluation plan, section 3.1.
    """
    weights = _weights(p_target, cost_miss, cost_false_alarm)
    return min_dcf_of(SortedTrials(scores, is_target).curves(), *weights)


def min_dcf_of(curves: ErrorCurves, miss_weight: float, false_alarm_weight: float) -> float:
    """The same of curves that are drawn already; weights are probability times cost."""
    costs = miss_weight * curves.miss + false_alarm_weight * curves.false_alarm
    return float(costs.min() / min(miss_weight, false_alarm_weight))


def act_dcf(
    scores: ArrayLike,
    is_target: ArrayLike,
    *,
    p_target: float = 0.01,
    cost_miss: float = 1.0,
    cost_false_alarm: float = 1.0,
) -> float:
    """The detection cost at Bayes' threshold, of scores that are natural log-likelihood ratios.

    What it has over `min_dcf` is what calibration could gain. Arguments and errors are as there.
    """
    weights = _weights(p_target, cost_miss, cost_false_alarm)
    return act_dcf_of(SortedTrials(scores, is_target).curves(), *weights)


def act_dcf_of(curves: ErrorCurves, miss_weight: float, false_alarm_weight: float) -> float:
    """The same of curves that are drawn already; weights are probability times cost."""
    threshold = math.log(false_alarm_weight / miss_weight)
    place = int(
        np.searchsorted(curves.thresholds, threshold)
    )  # of the first score that is accepted
    cost = miss_weight * curves.miss[place] + false_alarm_weight * curves.false_alarm[place]
    return float(cost / min(miss_weight, false_alarm_weight))


def _weights(p_target: float, cost_miss: float, cost_false_alarm: float) -> tuple[float, float]:
    """What a miss and a false alarm weigh."""
    if not 0 < p_target < 1:
        raise ConfigError(f"p_target: {p_target!r}. A probability lies between 0 and 1.")
    for name, cost in (("cost_miss", cost_miss), ("cost_false_alarm", cost_false_alarm)):
        if not cost > 0:
            raise ConfigError(f"{name}: {cost!r}. A cost is positive.")
    return p_target * cost_miss, (1 - p_target) * cost_false_alarm
