"""How often a decision by a score is wrong, at each threshold.

A trial is accepted if its score is at or above a threshold. A miss is a target trial that is
rejected, a false alarm a non-target trial that is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression
from scipy.special import ndtri

from wesep_like.errors import TrialError


@dataclass(frozen=True)
class ErrorCurves:
    """Both error rates at each threshold.

    Attributes:
        thresholds: The distinct scores, ascending, (thresholds,).
        miss: (thresholds + 1,), rising; the last is of a threshold above all scores.
        false_alarm: Likewise, falling.
    """

    thresholds: np.ndarray
    miss: np.ndarray
    false_alarm: np.ndarray

    def shares(self) -> tuple[np.ndarray, np.ndarray]:
        """Which share of target and of non-target trials has each of the thresholds as score."""
        return np.diff(self.miss), -np.diff(self.false_alarm)

    @cached_property
    def convex_hull(self) -> ErrorCurves:
        """The rates of the best decisions that may be mixed by chance: the ROC's convex hull.

        Source:
            Fawcett and Niculescu-Mizil, "PAV and the ROC convex hull", Machine Learning 2007.
        """
        targets, nontargets = self.shares()
        together = targets + nontargets
        (steps,) = together.nonzero()  # a threshold at which no trial counts is none
        share = isotonic_regression(targets[steps] / together[steps], weights=together[steps]).x
        # A corner of the hull is where the share of target trials rises.
        rises = steps[1:][np.diff(share) > 0]
        corners = np.concatenate([[0], rises, [len(together)]])
        return ErrorCurves(
            self.thresholds[corners[:-1]], self.miss[corners], self.false_alarm[corners]
        )

    def probits(self) -> tuple[np.ndarray, np.ndarray]:
        """False alarms and misses as a DET plot has them, where both are above 0 and below 1.

        Scores of two normal distributions give a straight line.

        Source:
            Martin et al., "The DET curve in assessment of detection task performance", Eurospeech
            1997.
        """
        inside = (self.miss > 0) & (self.miss < 1) & (self.false_alarm > 0) & (self.false_alarm < 1)
        return ndtri(self.false_alarm[inside]), ndtri(self.miss[inside])


class SortedTrials:
    """Trials in order of their scores, of which curves can be drawn many times.

    Args:
        scores: (trials,), larger means more alike.
        is_target: (trials,), whether the speaker is the same: booleans, or 0 and 1.

    Raises:
        TrialError: If the lengths differ, a score is not finite, or a class has no trial.
    """

    def __init__(self, scores: ArrayLike, is_target: ArrayLike) -> None:
        self.scores, self.is_target = check_trials(scores, is_target)
        self._thresholds, self._place = np.unique(self.scores, return_inverse=True)

    def curves(self, weights: np.ndarray | None = None) -> ErrorCurves:
        """The error rates.

        Args:
            weights: How often each trial counts, (trials,), some of either class; None: once.
        """
        places, num = self._place, len(self._thresholds)

        def share_below(chosen: np.ndarray) -> np.ndarray:
            of_chosen = None if weights is None else weights[chosen]
            counts = np.bincount(places[chosen], of_chosen, minlength=num)
            below = np.concatenate([[0], np.cumsum(counts)])
            return below / below[-1]

        miss, rejected = share_below(self.is_target), share_below(~self.is_target)
        return ErrorCurves(self._thresholds, miss, 1 - rejected)


def check_trials(scores: ArrayLike, is_target: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Scores in double precision and labels as booleans, (trials,) both.

    Raises:
        TrialError: If the lengths differ, a score is not finite, or a class has no trial.
    """
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
