"""Embeddings of speakers: checked, and summed by speaker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wesep_like.errors import TrialError


@dataclass(frozen=True)
class BySpeaker:
    """Embeddings and whose they are.

    Attributes:
        embeddings: (utterances, dim), in double precision.
        speaker: Number of each one's speaker, (utterances,), from 0.
        counts: Utterances of each speaker, (speakers,).
        means: (speakers, dim).
    """

    embeddings: np.ndarray
    speaker: np.ndarray
    counts: np.ndarray
    means: np.ndarray

    @property
    def residuals(self) -> np.ndarray:
        """What of each embedding is not its speaker's mean, (utterances, dim)."""
        return self.embeddings - self.means[self.speaker]

    def within(self) -> np.ndarray:
        """Mean covariance of a speaker's utterances, (dim, dim)."""
        residuals = self.residuals
        return residuals.T @ residuals / len(residuals)

    def between(self) -> np.ndarray:
        """Covariance of the speakers' means, each counting by its utterances, (dim, dim)."""
        apart = self.means - self.embeddings.mean(0)
        return (apart * self.counts[:, None]).T @ apart / len(self.embeddings)


def by_speaker(embeddings: np.ndarray, speakers: Sequence[str]) -> BySpeaker:
    """Embeddings grouped by speaker.

    Args:
        embeddings: (utterances, dim).
        speakers: The name of each one's speaker.

    Raises:
        TrialError: If numbers differ, one is not finite, or there are not two speakers, of whom one
            has two utterances.
    """
    embeddings = check_embeddings(embeddings)
    if len(embeddings) != len(speakers):
        raise TrialError(
            f"embeddings, speakers: {len(embeddings)} and {len(speakers)}. "
            "Give one speaker for each embedding"
        )
    names, speaker, counts = np.unique(speakers, return_inverse=True, return_counts=True)
    if len(names) < 2 or counts.max() < 2:
        raise TrialError(
            f"speakers: {len(names)}, with up to {counts.max()} utterances each. What tells "
            "speakers apart is learnt from two or more, and from several utterances of one"
        )
    return BySpeaker(embeddings, speaker, counts, _means(embeddings, speaker, counts))


def speaker_means(embeddings: np.ndarray, speakers: Sequence[str]) -> np.ndarray:
    """The mean of each speaker's embeddings, (speakers, dim), in the order of their names.

    Raises:
        TrialError: As `check_embeddings`.
    """
    _, speaker, counts = np.unique(speakers, return_inverse=True, return_counts=True)
    return _means(check_embeddings(embeddings), speaker, counts)


def _means(embeddings: np.ndarray, speaker: np.ndarray, counts: np.ndarray) -> np.ndarray:
    sums = np.zeros((len(counts), embeddings.shape[1]))
    np.add.at(sums, speaker, embeddings)
    return sums / counts[:, None]


def check_embeddings(embeddings: np.ndarray) -> np.ndarray:
    """Embeddings (utterances, dim) in double precision.

    Raises:
        TrialError: If they have another shape, there are none, or one is not finite.
    """
    embeddings = np.asarray(embeddings, dtype=np.float64)
    if embeddings.ndim != 2 or not embeddings.size:
        raise TrialError(f"embeddings: shape {embeddings.shape}. Give some, (utterances, dim)")
    bad = np.flatnonzero(~np.isfinite(embeddings).all(1))
    if len(bad):
        raise TrialError(
            f"embeddings[{bad[0]}]: NaN or infinite numbers ({len(bad)} of {len(embeddings)} are "
            "such). Leave these utterances out"
        )
    return embeddings
