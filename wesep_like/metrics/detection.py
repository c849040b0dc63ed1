"""Error rates of deciding, by a score, whether two utterances have one speaker.

A trial is accepted if its score is at or above a threshold. A miss is a target trial that is
rejected, a false alarm a non-target trial that is accepted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from wesep_like.errors import ConfigError, TrialError


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
    thresholds, miss, false_alarm = _error_curves(scores, is_target)
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
    if not 0 < p_target < 1:
        raise ConfigError(f"p_target: {p_target!r}. A probability lies between 0 and 1.")
    for name, cost in (("cost_miss", cost_miss), ("cost_false_alarm", cost_false_alarm)):
        if not cost > 0:
            raise ConfigError(f"{name}: {cost!r}. A cost is positive.")
    _, miss, false_alarm = _error_curves(scores, is_target)
    miss_weight = p_target * cost_miss
    false_alarm_weight = (1 - p_target) * cost_false_alarm
    costs = miss_weight * miss + false_alarm_weight * false_alarm
    return float(costs.min() / min(miss_weight, false_alarm_weight))


def _error_curves(
    scores: ArrayLike, is_target: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct scores ascending, (thresholds,); both error rates there, (thresholds + 1,).

    The last entry of the rates belongs to a threshold above all scores.
    """
    scores, is_target = _check_trials(scores, is_target)
    thresholds, place = np.unique(scores, return_inverse=True)
    targets = np.bincount(place[is_target], minlength=len(thresholds))
    nontargets = np.bincount(place[~is_target], minlength=len(thresholds))
    rejected_targets = np.concatenate([[0], np.cumsum(targets)])
    rejected_nontargets = np.concatenate([[0], np.cumsum(nontargets)])
    miss = rejected_targets / rejected_targets[-1]
    false_alarm = 1 - rejected_nontargets / rejected_nontargets[-1]
    return thresholds, miss, false_alarm


def _check_trials(scores: ArrayLike, is_target: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    scores = np.asarray(scores, dtype=np.float64)
    is_target = np.asarray(is_target)
    if scores.ndim != 1 or scores.shape != is_target.shape:
        raise TrialError(
            f"scores, is_target: shapes {scores.shape} and {is_target.shape}. "
            "Give one score and one label a trial."
        )
    unusable = np.flatnonzero(~np.isfinite(scores))
    if len(unusable):
        raise TrialError(
            f"scores[{unusable[0]}]: {scores[unusable[0]]} is no score ({len(unusable)} of "
            f"{len(scores)} are such). A score is a finite number."
        )
    is_target = is_target.astype(bool)
    num_target = int(is_target.sum())
    if num_target in (0, len(is_target)):
        raise TrialError(
            f"is_target: {num_target} target and {len(is_target) - num_target} non-target trials. "
            "An error rate needs at least one of each."
        )
    return scores, is_target
