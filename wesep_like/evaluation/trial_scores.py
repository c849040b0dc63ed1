"""Trials and embeddings -> scores: compared, normalised by a cohort, measured, calibrated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from wesep_like.data.embedding_archive import Embeddings
from wesep_like.errors import TrialError
from wesep_like.evaluation.trials import AnyTrial, ScoredTrial, Trial
from wesep_like.scoring.backend import Backend
from wesep_like.scoring.calibration import Calibration, quality_measures
from wesep_like.scoring.labels import speaker_means
from wesep_like.scoring.normalisation import CohortScores, NormName, cohort_scores, normalised
from wesep_like.scoring.scorers import Scorer

TOP_N = 300

_COHORT_MEAN = "cohort_mean"
_BLOCK_TRIALS = 50_000  # whose embeddings are in memory once more


@dataclass(frozen=True)
class Cohort:
    """Speakers who are in no trial.

    Attributes:
        means: Of each one's embeddings, (speakers, dim).
        where: What to call them in messages.
    """

    means: np.ndarray
    where: str

    @classmethod
    def of(cls, embeddings: Embeddings) -> Cohort:
        """The mean of each speaker's embeddings.

        Raises:
            ManifestError: If it is not known who speaks.
        """
        means = speaker_means(embeddings.vectors, embeddings.known_speakers())
        return cls(means, embeddings.where)


@dataclass(frozen=True)
class Scoring:
    """How trials are scored.

    Attributes:
        backend: How two embeddings are compared.
        norm: How scores are normalised, if they are.
        cohort: By whom; and for the quality measure of the mean score with them.
        top_n: How many of the cohort count, those that are most alike; of norm `as`, and where
            nothing is normalised. The other norms count all.
        has_measures: Whether quality measures of each trial are kept beside its score.
        calibration: What makes ratios of scores and measures, if they are wanted.
    """

    backend: Backend = Backend()
    norm: NormName | None = None
    cohort: Cohort | None = None
    top_n: int = TOP_N
    has_measures: bool = False
    calibration: Calibration | None = None


def usable(
    trials: Sequence[AnyTrial], rows: Mapping[str, int], embeddings: Embeddings
) -> tuple[list[AnyTrial], list[str]]:
    """The trials of which both embeddings are there and not zero; a line for each that is zero."""
    zero = [name for name, row in rows.items() if not embeddings.vectors[row].any()]
    lines = [
        f"{name}: its embedding in {embeddings.where} is zero, which says nothing of a voice"
        for name in zero
    ]
    good = rows.keys() - set(zero)
    return [trial for trial in trials if trial.first in good and trial.second in good], lines


def score_trials(
    trials: Sequence[Trial],
    rows: Mapping[str, int],
    embeddings: Embeddings,
    scoring: Scoring | None = None,
    *,
    scores: np.ndarray | None = None,
) -> list[ScoredTrial]:
    """The trials with their scores, in order.

    Args:
        trials: Labelled or not.
        rows: Which of the embeddings each name in the trials means; see `find_rows`.
        embeddings: Of the recordings; none that a trial needs is zero.
        scoring: Without it, the cosine of two embeddings.
        scores: Of the trials, (trials,), if not by the backend; see `likelihood_ratios`.

    Raises:
        TrialError: If the cohort has fewer speakers than are to count, or what the calibration
            needs is not known of some recording.
    """
    scoring = scoring or Scoring()
    needed = np.unique([rows[name] for trial in trials for name in (trial.first, trial.second)])
    place = {row: number for number, row in enumerate(needed.tolist())}
    first = np.array([place[rows[trial.first]] for trial in trials])
    second = np.array([place[rows[trial.second]] for trial in trials])
    mapped = scoring.backend.transform(embeddings.vectors[needed])
    if scores is None:
        scores = _in_blocks(scoring.backend.scorer, mapped, first, second)

    of_cohort = _cohort_scores(scoring, mapped)
    if scoring.norm is not None and of_cohort is not None:
        scores = normalised(scores, of_cohort, of_cohort, first, second, scoring.norm)
    measures = {"score": scores}
    needs_measures = scoring.calibration is not None and len(scoring.calibration.names) > 1
    if scoring.has_measures or needs_measures:
        qualities = _qualities(embeddings.chosen(needed), of_cohort)
        of_first, of_second = (
            {name: values[side] for name, values in qualities.items()} for side in (first, second)
        )
        measures = quality_measures(scores, of_first, of_second)
    if scoring.calibration is not None:
        scores = _calibrated(scoring.calibration, measures)
    del measures["score"]
    if not scoring.has_measures:
        measures = {}
    columns = np.stack([scores, *measures.values()], axis=1).tolist()
    return [
        ScoredTrial(
            trial.first,
            trial.second,
            trial.is_target,
            score,
            dict(zip(measures, more, strict=True)),
        )
        for trial, (score, *more) in zip(trials, columns, strict=True)
    ]


def calibrated(scored: Sequence[ScoredTrial], calibration: Calibration) -> list[ScoredTrial]:
    """The trials with log-likelihood ratios for scores; labels and measures stay.

    Raises:
        TrialError: If a trial lacks a measure that the calibration needs.
    """
    names = [name for name in calibration.names if name != "score"]
    ratios = calibration(measures_of(scored, names)).tolist()
    return [replace(one, score=ratio) for one, ratio in zip(scored, ratios, strict=True)]


def measures_of(scored: Sequence[ScoredTrial], names: Sequence[str]) -> dict[str, np.ndarray]:
    """The scores and these measures of the trials, (trials,) each.

    Raises:
        TrialError: If a trial lacks one.
    """
    for trial in scored:
        missing = [name for name in names if name not in trial.measures]
        if missing:
            raise TrialError(
                f"{trial.first} {trial.second}: has no {', '.join(missing)}. Write the scores with "
                "'wesep-like score --quality'"
            )
    columns = {name: np.array([trial.measures[name] for trial in scored]) for name in names}
    return {"score": np.array([trial.score for trial in scored]), **columns}


def _in_blocks(
    scorer: Scorer, mapped: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    scores = np.empty(len(first))
    for start in range(0, len(first), _BLOCK_TRIALS):
        block = slice(start, start + _BLOCK_TRIALS)
        scores[block] = scorer.pairs(mapped[first[block]], mapped[second[block]])
    return scores


def _cohort_scores(scoring: Scoring, mapped: np.ndarray) -> CohortScores | None:
    if scoring.cohort is None:
        return None
    top_n = None if scoring.norm in ("z", "t", "s") else scoring.top_n
    strangers = scoring.backend.transform(scoring.cohort.means)
    try:
        return cohort_scores(scoring.backend.scorer, mapped, strangers, top_n)
    except TrialError as error:
        raise TrialError(f"{scoring.cohort.where}: {error}") from error


def _qualities(embeddings: Embeddings, of_cohort: CohortScores | None) -> dict[str, np.ndarray]:
    """What says how much a recording can tell, (recordings,) each."""
    unknown = np.flatnonzero(~(embeddings.seconds > 0))
    if len(unknown):
        raise TrialError(
            f"{embeddings.where}: not said how long {embeddings.paths[unknown[0]]} is "
            f"({len(unknown)} of {len(embeddings)} are such). Write it with 'wesep-like embed'"
        )
    qualities = {
        "log_seconds": np.log(embeddings.seconds),
        "embedding_norm": np.linalg.norm(embeddings.vectors.astype(np.float64), axis=1),
    }
    if of_cohort is not None:
        qualities[_COHORT_MEAN] = of_cohort.means
    return qualities


def _calibrated(calibration: Calibration, measures: Mapping[str, np.ndarray]) -> np.ndarray:
    if any(name.endswith(_COHORT_MEAN) and name not in measures for name in calibration.names):
        raise TrialError(
            "calibration: was learnt with the mean score with a cohort, and here is none. Give a "
            "cohort, as when it was learnt"
        )
    return calibration(measures)
