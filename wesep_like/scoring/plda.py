"""Probabilistic linear discriminant analysis, as the two-covariance model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import eigh

from wesep_like.errors import ConfigError
from wesep_like.scoring.labels import by_speaker, check_embeddings
from wesep_like.scoring.scorers import Scorer
from wesep_like.scoring.transforms import regular


@dataclass(frozen=True)
class PLDA(Scorer):
    """A speaker is a point drawn round the mean, an utterance a point drawn round its speaker.

    Scores are natural log-likelihood ratios of one speaker to two.

    Attributes:
        mean: (dim,).
        between: Covariance of speakers, (dim, dim).
        within: Covariance of a speaker's utterances, (dim, dim).

    Source:
        Brümmer and de Villiers, "The speaker partitioning problem", Odyssey 2010, section 3; EM as
        in Sizov et al., "Unifying probabilistic linear discriminant analysis variants in biometric
        authentication", S+SSPR 2014.
    """

    mean: np.ndarray
    between: np.ndarray
    within: np.ndarray

    def pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """See the base."""
        first, second = self._seen(first), self._seen(second)
        own, both, constant = self._terms
        return (first * both * second).sum(1) + (first**2 + second**2) @ own + constant

    def matrix(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """See the base."""
        first, second = self._seen(first), self._seen(second)
        own, both, constant = self._terms
        alone = (first**2 @ own)[:, None] + second**2 @ own
        return (first * both) @ second.T + alone + constant

    def adapted(self, other: PLDA, weight: float) -> PLDA:
        """Between this model and one of another domain, on the line from one to the other.

        Args:
            other: Learnt in the domain to adapt to, if from little.
            weight: Of it, from 0 to 1.

        Raises:
            ConfigError: If the weight is none.

        Source:
            Garcia-Romero and McCree, "Supervised domain adaptation for i-vector based speaker
            recognition", ICASSP 2014. The mean is the other's: that little suffices for.
        """
        if not 0 <= weight <= 1:
            raise ConfigError(f"weight: expected 0 to 1, got {weight!r}")
        return PLDA(
            other.mean,
            (1 - weight) * self.between + weight * other.between,
            (1 - weight) * self.within + weight * other.within,
        )

    @cached_property
    def _directions(self) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates in which an utterance varies by 1, and how much speakers vary in each."""
        variances, directions = eigh(self.between, self.within)
        return directions, variances.clip(0)

    def _seen(self, embeddings: np.ndarray) -> np.ndarray:
        return (check_embeddings(embeddings) - self.mean) @ self._directions[0]

    @cached_property
    def _terms(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Weights of each squared coordinate and of each product, and what is added.

        Of one speaker, two utterances x and y have x + y and x - y independent, with variances of
        2 (2 v + 1) and 2 in a coordinate where speakers vary by v; of two speakers, each has v + 1.
        """
        variance = self._directions[1]
        sum_weight = -1 / (4 * (2 * variance + 1))  # of (x + y) squared
        own = sum_weight - 1 / 4 + 1 / (2 * (variance + 1))
        both = 2 * (sum_weight + 1 / 4)
        constant = float(np.sum(np.log(variance + 1) - np.log(2 * variance + 1) / 2))
        return own, both, constant


def train_plda(
    embeddings: np.ndarray, speakers: Sequence[str], *, num_iterations: int = 20
) -> PLDA:
    """The model under which embeddings are likeliest, by expectation maximisation.

    Args:
        embeddings: (utterances, dim).
        speakers: The name of each one's speaker.
        num_iterations: Rounds, from the covariances of means and residuals on.

    Raises:
        TrialError: As `by_speaker`.
        ConfigError: If there is no round.
    """
    if num_iterations < 1:
        raise ConfigError(f"num_iterations: expected at least 1, got {num_iterations}")
    groups = by_speaker(embeddings, speakers)
    num_utterances, num_speakers = len(groups.embeddings), len(groups.counts)
    scatter = groups.within() * num_utterances  # of utterances round their speaker's mean
    counts, of_count, num_speakers_of = np.unique(
        groups.counts, return_inverse=True, return_counts=True
    )
    mean = groups.means.mean(0)
    between, within = regular(groups.between()), regular(groups.within())
    for _ in range(num_iterations):
        speaker_precision, precision = np.linalg.inv(between), np.linalg.inv(within)
        # Of how sure a speaker's place is there is one matrix for all with as many utterances; one
        # for each of thousands of speakers would take gigabytes.
        spread = np.linalg.inv(speaker_precision + counts[:, None, None] * precision)
        evidence = speaker_precision @ mean + groups.counts[:, None] * groups.means @ precision
        places = np.empty_like(evidence)
        for number, its_spread in enumerate(spread):
            places[of_count == number] = evidence[of_count == number] @ its_spread
        mean = places.mean(0)
        apart, off = places - mean, groups.means - places
        between = regular(
            (np.tensordot(num_speakers_of, spread, 1) + apart.T @ apart) / num_speakers
        )
        missed = np.tensordot(num_speakers_of * counts, spread, 1)
        missed += (off * groups.counts[:, None]).T @ off
        within = regular((scatter + missed) / num_utterances)
    return PLDA(mean, between, within)
