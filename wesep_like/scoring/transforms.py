"""What is done to embeddings before they are compared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from wesep_like.errors import ConfigError, TrialError
from wesep_like.scoring.labels import by_speaker, check_embeddings

_LEAST_SHARE = 1e-6  # of the mean variance, added to a covariance of too few embeddings


class Transform(ABC):
    """A map of embeddings, (utterances, dim) -> (utterances, dim or fewer)."""

    @abstractmethod
    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """The embeddings, mapped."""


@dataclass(frozen=True)
class LengthNorm(Transform):
    """Each embedding gets length 1.

    Source:
        Garcia-Romero and Espy-Wilson, "Analysis of i-vector length normalization", Interspeech
        2011.
    """

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """Of unit length.

        Raises:
            TrialError: If one is zero, which has no direction.
        """
        embeddings = check_embeddings(embeddings)
        lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
        zero = np.flatnonzero(lengths == 0)
        if len(zero):
            raise TrialError(
                f"embeddings[{zero[0]}]: zero, which has no direction ({len(zero)} of "
                f"{len(embeddings)} are such). Leave these utterances out"
            )
        return embeddings / lengths


@dataclass(frozen=True)
class Affine(Transform):
    """The mean is taken away, and what is left multiplied.

    Attributes:
        mean: (dim,).
        matrix: (dim, columns); None: the embeddings stay as wide as they are.
    """

    mean: np.ndarray
    matrix: np.ndarray | None = None

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """Mapped; see the base."""
        centred = check_embeddings(embeddings) - self.mean
        return centred if self.matrix is None else centred @ self.matrix


def centring(embeddings: np.ndarray) -> Affine:
    """Takes away the mean of these."""
    return Affine(check_embeddings(embeddings).mean(0))


def lda(embeddings: np.ndarray, speakers: Sequence[str], dim: int) -> Affine:
    """The directions in which speakers differ most, beside how much they vary themselves.

    Args:
        embeddings: (utterances, dim).
        speakers: The name of each one's speaker.
        dim: How many directions; fewer than speakers, and no more than the embeddings have.

    Raises:
        TrialError: As `by_speaker`.
        ConfigError: If there are not so many directions.

    Source:
        Fisher, 1936; with variances within speakers of 1, as in Kaldi.
    """
    groups = by_speaker(embeddings, speakers)
    most = min(groups.embeddings.shape[1], len(groups.counts) - 1)
    if not 1 <= dim <= most:
        raise ConfigError(
            f"lda: expected 1 to {most} directions, as {len(groups.counts)} speakers with "
            f"embeddings of {groups.embeddings.shape[1]} numbers allow, got {dim}"
        )
    _, directions = eigh(groups.between(), regular(groups.within()))
    return Affine(groups.embeddings.mean(0), directions[:, : -dim - 1 : -1])


def wccn(embeddings: np.ndarray, speakers: Sequence[str]) -> Affine:
    """Within-class covariance normalisation: a speaker varies alike in all directions.

    Raises:
        TrialError: As `by_speaker`.

    Source:
        Hatch et al., "Within-class covariance normalization for SVM-based speaker recognition",
        Interspeech 2006: the Cholesky factor of the inverse covariance, speakers counting by their
        utterances.
    """
    groups = by_speaker(embeddings, speakers)
    factor = np.linalg.cholesky(np.linalg.inv(regular(groups.within())))
    return Affine(groups.embeddings.mean(0), factor)


def coral(embeddings: np.ndarray, like: np.ndarray) -> Affine:
    """Embeddings of one domain get the covariance of another's, without labels.

    What is mapped so can train a backend for that domain. Means are taken away, not moved: centre
    the embeddings of the other domain by themselves.

    Args:
        embeddings: Of the domain to come from, (utterances, dim).
        like: Of the domain to look like, (utterances, dim).

    Source:
        Sun et al., "Return of frustratingly easy domain adaptation", AAAI 2016; Alam et al.,
        "Speaker verification in mismatched conditions with frustratingly easy domain adaptation",
        Odyssey 2018.
    """
    there, here = check_embeddings(embeddings), check_embeddings(like)
    if there.shape[1] != here.shape[1]:
        raise TrialError(
            f"embeddings: of {there.shape[1]} and of {here.shape[1]} numbers. Both domains must be "
            "heard by one encoder"
        )
    whiten = _power(np.cov(there.T, bias=True), -0.5)
    colour = _power(np.cov(here.T, bias=True), 0.5)
    return Affine(there.mean(0), whiten @ colour)


def regular(covariance: np.ndarray) -> np.ndarray:
    """A covariance that can be inverted, also if it is of fewer embeddings than dimensions."""
    least = _LEAST_SHARE * np.trace(covariance) / len(covariance)
    return covariance + max(least, np.finfo(np.float64).tiny) * np.eye(len(covariance))


def _power(covariance: np.ndarray, exponent: float) -> np.ndarray:
    """A power of a symmetric matrix."""
    values, directions = np.linalg.eigh(regular(covariance))
    return (directions * values**exponent) @ directions.T
