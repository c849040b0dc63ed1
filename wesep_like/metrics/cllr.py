"""How good scores are as log-likelihood ratios, at all priors together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from wesep_like.metrics.error_curves import ErrorCurves, SortedTrials


def cllr(scores: ArrayLike, is_target: ArrayLike) -> float:
    """Cost of log-likelihood ratios, in bits; smaller is better.

    0 is perfect, 1 what scores of 0 have, and more is worse than knowing nothing.

    Args:
        scores: (trials,), natural log-likelihood ratios.
        is_target: (trials,), whether the speaker is the same: booleans, or 0 and 1.

    Raises:
        TrialError: If the lengths differ, a score is not finite, or a class has no trial.

    Source:
        Brümmer and du Preez, "Application-independent evaluation of speaker detection", Computer
        Speech and Language 2006.
    """
    return cllr_of(SortedTrials(scores, is_target).curves())


def min_cllr(scores: ArrayLike, is_target: ArrayLike) -> float:
    """The same after the best calibration that keeps the order: what the scores can tell at all.

    Args:
        scores: (trials,), larger means more alike.
        is_target: (trials,), whether the speaker is the same: booleans, or 0 and 1.

    Raises:
        TrialError: If the lengths differ, a score is not finite, or a class has no trial.

    Source:
        The same, section 5: pool adjacent violators.
    """
    return min_cllr_of(SortedTrials(scores, is_target).curves())


def cllr_of(curves: ErrorCurves) -> float:
    """Cost of log-likelihood ratios, of curves that are drawn already."""
    targets, nontargets = curves.shares()
    ratios = curves.thresholds
    cost = targets @ np.logaddexp(0, -ratios) + nontargets @ np.logaddexp(0, ratios)
    return float(cost / (2 * np.log(2)))


def min_cllr_of(curves: ErrorCurves) -> float:
    """The same after the best calibration, of curves that are drawn already."""
    targets, nontargets = curves.convex_hull.shares()
    # Between two corners of the hull the likelihoods are these shares; what is certain costs none.
    both = targets + nontargets
    cost = xlogy(targets, both) - xlogy(targets, targets)
    cost += xlogy(nontargets, both) - xlogy(nontargets, nontargets)
    return float(cost.sum() / (2 * np.log(2)))
