"""From scores, and from what is known of the recordings, to log-likelihood ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from wesep_like.errors import ConfigError, TrialError
from wesep_like.metrics.error_curves import check_trials


@dataclass(frozen=True)
class Calibration:
    """A weighted sum of measures, which is a natural log-likelihood ratio.

    Attributes:
        names: Of the measures; the first is usually the score.
        weights: One for each.
        offset: Added.
    """

    names: tuple[str, ...]
    weights: np.ndarray
    offset: float

    def __call__(self, measures: Mapping[str, np.ndarray]) -> np.ndarray:
        """Calibrated scores (trials,) of measures, (trials,) each.

        Raises:
            TrialError: If one is missing, or not finite.
        """
        return _table(measures, self.names) @ self.weights + self.offset


def calibrate(
    measures: Mapping[str, np.ndarray],
    is_target: np.ndarray,
    *,
    p_target: float = 0.5,
    penalty: float = 1e-6,
) -> Calibration:
    """The weights that cost least on trials whose answer is known; of the score alone, affine.

    Args:
        measures: (trials,) each; see `quality_measures`.
        is_target: (trials,).
        p_target: For which prior the ratios are to be good; the classes count by it, however many
            trials they have.
        penalty: On the squares of the weights, of measures of unit deviation: without one they grow
            without end where the classes do not overlap.

    Raises:
        TrialError: If lengths differ, a measure is not finite, or a class has no trial.
        ConfigError: If the prior is none.

    Source:
        Logistic regression with a prior: Brümmer et al., "Fusion of heterogeneous speaker
        recognition systems", IEEE TASLP 2007. Quality measures: Thienpondt et al., "The IDLab
        VoxSRC-20 submission", ICASSP 2021.
    """
    if not 0 < p_target < 1:
        raise ConfigError(f"p_target: {p_target!r}. A probability lies between 0 and 1.")
    names = tuple(measures)
    table = _table(measures, names)
    _, is_target = check_trials(table[:, 0], is_target)
    means, deviations = table.mean(0), table.std(0)
    # One that is alike in all trials tells nothing, and gets no weight.
    scaled = (table - means) / np.where(deviations > 0, deviations, 1)
    sign = np.where(is_target, 1.0, -1.0)
    prior = np.log(p_target / (1 - p_target))
    share = np.where(is_target, p_target / is_target.sum(), (1 - p_target) / (~is_target).sum())

    def cost(point: np.ndarray) -> tuple[float, np.ndarray]:
        logit = sign * (scaled @ point[:-1] + point[-1] + prior)
        value = share @ np.logaddexp(0, -logit) + penalty * point[:-1] @ point[:-1]
        slope = -share * sign * expit(-logit)
        gradient = np.append(scaled.T @ slope + 2 * penalty * point[:-1], slope.sum())
        return value, gradient

    found = minimize(cost, np.zeros(len(names) + 1), jac=True, method="L-BFGS-B", tol=1e-12).x
    weights = np.where(deviations > 0, found[:-1] / np.where(deviations > 0, deviations, 1), 0.0)
    return Calibration(names, weights, float(found[-1] - weights @ means))


def quality_measures(
    scores: np.ndarray,
    first: Mapping[str, np.ndarray],
    second: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """What `calibrate` takes: the scores, and of each quality the lower and the higher of a trial.

    Args:
        scores: (trials,).
        first: Qualities of the utterance that each trial names first, (trials,) each; such as
            `log_seconds`, `embedding_norm`, `cohort_mean`.
        second: The same of the other one.
    """
    measures = {"score": scores}
    for name in first:
        measures[f"lower_{name}"] = np.minimum(first[name], second[name])
        measures[f"higher_{name}"] = np.maximum(first[name], second[name])
    return measures


def _table(measures: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    """(trials, measures)."""
    missing = [name for name in names if name not in measures]
    if missing:
        raise TrialError(
            f"measures: {', '.join(missing)} missing. It was calibrated with {', '.join(names)}"
        )
    table = np.stack([np.asarray(measures[name], np.float64) for name in names], axis=1)
    for name, column in zip(names, table.T, strict=True):
        bad = np.flatnonzero(~np.isfinite(column))
        if len(bad):
            raise TrialError(
                f"{name}[{bad[0]}]: {column[bad[0]]} is no number ({len(bad)} of {len(column)} are "
                "such). Leave these trials out"
            )
    return table
