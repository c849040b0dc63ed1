"""Probabilistic spherical discriminant analysis: PLDA for embeddings of unit length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln, hyp0f1, ive

from wesep_like.errors import ConfigError
from wesep_like.scoring.labels import by_speaker
from wesep_like.scoring.scorers import Scorer
from wesep_like.scoring.transforms import LengthNorm

_MOST_CONCENTRATED = 1e6
_LARGE = 500.0
_NUM_FRACTIONS = 60


@dataclass(frozen=True)
class PSDA(Scorer):
    """On the sphere, a speaker is drawn round the mean, and an utterance round its speaker.

    Both by von Mises-Fisher distributions. Scores are natural log-likelihood ratios of one speaker
    to two. Embeddings are brought to unit length.

    Attributes:
        mean: Of unit length, (dim,).
        between: Concentration of speakers; 0: anywhere on the sphere.
        within: Concentration of a speaker's utterances.

    Source:
        Brümmer et al., "Probabilistic spherical discriminant analysis: an alternative to PLDA for
        length-normalized embeddings", Interspeech 2022.
    """

    mean: np.ndarray
    between: float
    within: float

    def pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """See the base."""
        unit = LengthNorm()
        first, second = unit(first), unit(second)
        return self._score(first, second, (first * second).sum(1))

    def matrix(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """See the base."""
        unit = LengthNorm()
        first, second = unit(first), unit(second)
        return self._score(first[:, None], second, first @ second.T)

    def _score(self, first: np.ndarray, second: np.ndarray, cosine: np.ndarray) -> np.ndarray:
        # The length of w (x + y) + b mean, from products: the vectors themselves need no room.
        one, other = first @ self.mean, second @ self.mean
        w, b = self.within, self.between
        together = np.sqrt(w * w * (2 + 2 * cosine) + b * b + 2 * w * b * (one + other))
        alone = [np.sqrt(w * w + b * b + 2 * w * b * along) for along in (one, other)]
        dim = len(self.mean)
        of_alone = sum(log_normaliser(length, dim) for length in alone)
        return of_alone - log_normaliser(together, dim) - log_normaliser(np.array(b), dim)


def train_psda(
    embeddings: np.ndarray, speakers: Sequence[str], *, num_iterations: int = 20
) -> PSDA:
    """The model under which embeddings are likeliest, by expectation maximisation.

    Args:
        embeddings: (utterances, dim); brought to unit length.
        speakers: The name of each one's speaker.
        num_iterations: Rounds.

    Raises:
        TrialError: As `by_speaker`, or if an embedding is zero.
        ConfigError: If there is no round.
    """
    if num_iterations < 1:
        raise ConfigError(f"num_iterations: expected at least 1, got {num_iterations}")
    groups = by_speaker(LengthNorm()(embeddings), speakers)
    num_utterances, dim = groups.embeddings.shape
    sums = groups.means * groups.counts[:, None]
    # Beginning: a speaker is where his utterances are.
    expected = LengthNorm()(sums)
    mean, between, within = np.zeros(dim), 0.0, 0.0
    for number in range(num_iterations + 1):
        if number:
            parameter = within * sums + between * mean
            length = np.linalg.norm(parameter, axis=1, keepdims=True)
            expected = mean_length(length, dim) * parameter / length
        centre = expected.mean(0)
        between = concentration(float(np.linalg.norm(centre)), dim)
        mean = centre / np.linalg.norm(centre)
        within = concentration(float((sums * expected).sum()) / num_utterances, dim)
    return PSDA(mean, between, within)


def log_normaliser(concentration: np.ndarray, dim: int) -> np.ndarray:
    """What makes exp(concentration times cosine) a density, beside the uniform one, when added.

    That is of von Mises and Fisher, on the sphere in `dim` dimensions; 0 at 0.
    """
    order = dim / 2 - 1
    x = np.asarray(concentration, np.float64)
    small, large = np.minimum(x, _LARGE), np.maximum(x, _LARGE)
    # One function, in the form that neither overflows nor underflows there.
    of_small = np.log(hyp0f1(order + 1, (small / 2) ** 2))
    of_large = np.log(ive(order, large)) + large + gammaln(order + 1) - order * np.log(large / 2)
    return -np.where(x < _LARGE, of_small, of_large)


def mean_length(concentration: np.ndarray, dim: int) -> np.ndarray:
    """Length of the mean of vectors that are so concentrated, from 0 to 1.

    The ratio of two Bessel functions of neighbouring orders.
    """
    order = dim / 2 - 1
    below, above = ive(order, concentration), ive(order + 1, concentration)
    # Where the concentration is small beside the order, both underflow: their continued fraction.
    ratio = np.zeros_like(np.asarray(concentration, np.float64))
    for number in range(_NUM_FRACTIONS, 0, -1):
        ratio = concentration / (2 * (order + number) + concentration * ratio)
    return np.where(below > 0, above / np.where(below > 0, below, 1), ratio)


def concentration(length: float, dim: int) -> float:
    """The concentration at which the mean has this length; the inverse of `mean_length`."""
    if length <= 0:
        return 0.0
    if length >= float(mean_length(np.array(_MOST_CONCENTRATED), dim)):
        return _MOST_CONCENTRATED
    return float(
        brentq(lambda x: float(mean_length(np.array(x), dim)) - length, 0, _MOST_CONCENTRATED)
    )
