"""How much error rates depend on who happened to be in the trials."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from wesep_like.errors import TrialError
from wesep_like.metrics.error_curves import ErrorCurves, SortedTrials

Measure = Callable[[ErrorCurves], float]


def speaker_intervals(
    scores: ArrayLike,
    is_target: ArrayLike,
    speakers: Sequence[tuple[str, str]],
    measures: Mapping[str, Measure],
    *,
    num_resamples: int = 1000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, tuple[float, float]]:
    """95 % intervals of measures over speakers: trials of one speaker are no independent draws.

    Speakers are drawn with replacement. A trial of two speakers counts as often as the one was
    drawn times as often as the other was; a trial of one speaker as often as that one was.

    Args:
        scores: (trials,), larger means more alike.
        is_target: (trials,), whether the speaker is the same: booleans, or 0 and 1.
        speakers: Of both utterances of each trial.
        measures: What is measured of the error curves, by name.
        num_resamples: Draws of as many speakers as there are.
        seed: Of the draws: the same gives the same intervals.
        progress: Told (draws done, all draws).

    Returns:
        (low, high) for each measure.

    Raises:
        TrialError: As `SortedTrials`; or if there are fewer than three speakers, or the labels
            contradict them.

    Source:
        Percentile bootstrap of Efron, 1979; of speakers: Bolle et al., "Error analysis of pattern
        recognition systems: the subsets bootstrap", CVIU 2004.
    """
    trials = SortedTrials(scores, is_target)
    names = sorted({name for pair in speakers for name in pair})
    if len(names) < 3:
        raise TrialError(f"speakers: {len(names)}. Intervals over speakers need 3 or more")
    number = {name: place for place, name in enumerate(names)}
    first, second = np.array([[number[a], number[b]] for a, b in speakers]).T
    wrong = np.flatnonzero((first == second) != trials.is_target)
    if len(wrong):
        a, b = speakers[wrong[0]]
        label = "a target" if trials.is_target[wrong[0]] else "a non-target"
        raise TrialError(
            f"trial {wrong[0] + 1} is {label} trial, but its speakers are {a!r} and {b!r} "
            f"({len(wrong)} trials are such). Check labels and speakers"
        )
    rng = np.random.default_rng(seed)
    found: dict[str, list[float]] = {name: [] for name in measures}
    for done in range(1, num_resamples + 1):
        drawn = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
        weights = np.where(trials.is_target, drawn[first], drawn[first] * drawn[second])
        if weights[trials.is_target].any() and weights[~trials.is_target].any():
            curves = trials.curves(weights.astype(np.float64))
            for name, measure in measures.items():
                found[name].append(measure(curves))
        if progress:
            progress(done, num_resamples)
    bounds = {name: np.percentile(values, [2.5, 97.5]) for name, values in found.items()}
    return {name: (float(low), float(high)) for name, (low, high) in bounds.items()}
