"""Scores beside those that an utterance has with a cohort of strangers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from wesep_like.errors import TrialError
from wesep_like.scoring.scorers import Scorer

NormName: TypeAlias = Literal["z", "t", "s", "as"]

_BLOCK_NUMBERS = 16_000_000  # scores in memory at once: 128 MB, and as much again to sort them


@dataclass(frozen=True)
class CohortScores:
    """Mean and deviation of each utterance's scores with a cohort, (utterances,) both."""

    means: np.ndarray
    deviations: np.ndarray


def cohort_scores(
    scorer: Scorer, embeddings: np.ndarray, cohort: np.ndarray, top_n: int | None = None
) -> CohortScores:
    """How alike utterances and a cohort are.

    Args:
        scorer: By which the trials are scored too.
        embeddings: (utterances, dim).
        cohort: Of speakers who are in no trial, (cohort, dim); usually the mean of each of many.
        top_n: Of each utterance, only so many of the highest count. None: all.

    Raises:
        TrialError: If the cohort has fewer than `top_n`, or than two; or an utterance is equally
            like all of it.
    """
    num = len(cohort) if top_n is None else top_n
    if not 2 <= num <= len(cohort):
        fitting = f"a top n of 2 to {len(cohort)}, or " if len(cohort) > 1 else ""
        raise TrialError(
            f"cohort: {len(cohort)} embeddings, but the highest {num} scores are to count. "
            f"Expected {fitting}a larger cohort"
        )
    means, deviations = np.empty(len(embeddings)), np.empty(len(embeddings))
    rows = max(1, _BLOCK_NUMBERS // len(cohort))
    for start in range(0, len(embeddings), rows):
        block = slice(start, start + rows)
        scores = scorer.matrix(embeddings[block], cohort)
        if num < len(cohort):
            scores = np.partition(scores, len(cohort) - num, axis=1)[:, len(cohort) - num :]
        means[block], deviations[block] = scores.mean(1), scores.std(1)
    still = np.flatnonzero(deviations < 1e-12)
    if len(still):
        raise TrialError(
            f"embeddings[{still[0]}]: has one score with all of the cohort ({len(still)} are "
            "such), so none can be normalised by it. Expected a cohort of different speakers"
        )
    return CohortScores(means, deviations)


def normalised(
    scores: np.ndarray,
    enrollment: CohortScores,
    test: CohortScores,
    first: np.ndarray,
    second: np.ndarray,
    name: NormName,
) -> np.ndarray:
    """Scores (trials,), each counted in deviations from a cohort's mean.

    Args:
        scores: (trials,).
        enrollment: Of the utterances that trials name first.
        test: Of those that they name second.
        first: Which of the enrollments each trial is of, (trials,).
        second: Which of the tests.
        name: `z` by the enrollment's cohort scores, `t` by the test's, `s` the mean of both; `as`
            is the same of the highest alone: then cohort scores are made with a `top_n`.

    Source:
        Matějka et al., "Analysis of score normalization in multilingual speaker recognition",
        Interspeech 2017; `as` is their AS-norm 1.
    """
    by_enrollment = (scores - enrollment.means[first]) / enrollment.deviations[first]
    by_test = (scores - test.means[second]) / test.deviations[second]
    return {"z": by_enrollment, "t": by_test}.get(name, (by_enrollment + by_test) / 2)
