"""How good scores are as log-likelihood ratios, at all priors together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression

from wesep_like.metrics.error_curves import check_trials


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
    scores, is_target = check_trials(scores, is_target)
    return _cllr(scores[is_target], scores[~is_target])


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
    scores, is_target = check_trials(scores, is_target)
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    targets = np.bincount(place[is_target], minlength=len(counts))
    share = isotonic_regression(targets / counts, weights=counts).x[place]
    prior = is_target.mean()
    with np.errstate(divide="ignore"):  # what is certain has an infinite ratio, and costs nothing
        calibrated = np.log(share) - np.log1p(-share) - np.log(prior) + np.log1p(-prior)
    return _cllr(calibrated[is_target], calibrated[~is_target])


def _cllr(target: np.ndarray, nontarget: np.ndarray) -> float:
    cost = np.logaddexp(0, -target).mean() + np.logaddexp(0, nontarget).mean()
    return float(cost / (2 * np.log(2)))
