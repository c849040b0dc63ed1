"""How much error rates, and what two systems differ by, depend on who happened to be in the trials.

Trials of one speaker are no independent draws, so speakers are drawn, with replacement. A trial of
two speakers counts as often as the one was drawn times as often as the other was; a trial of one
speaker as often as that one was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from wesep_like.errors import TrialError
from wesep_like.metrics.error_curves import ErrorCurves, SortedTrials

Measure = Callable[[ErrorCurves], float]


def draw_speakers(
    systems: Sequence[SortedTrials],
    speakers: Sequence[tuple[str, str]],
    measures: Mapping[str, Measure],
    *,
    num_resamples: int = 1000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, np.ndarray]:
    """What measures come to in each of many draws of speakers.

    All systems get the same draws, so their differences are of pairs; and one system gets the same
    draws whatever others are beside it.

    Args:
        systems: The same trials in the same order, scored by each.
        speakers: Of both utterances of each trial.
        measures: What is measured of the error curves, by name.
        num_resamples: Draws of as many speakers as there are. Those that leave no target or no
            non-target trial are left out.
        seed: Of the draws.
        progress: Told (draws done, all draws).

    Returns:
        For each measure (systems, draws).

    Raises:
        TrialError: If there are fewer than three speakers, or the labels contradict them.

    Source:
        Bootstrap of Efron, 1979; of speakers: Bolle et al., "Error analysis of pattern recognition
        systems: the subsets bootstrap", CVIU 2004.
    """
    is_target = systems[0].is_target
    assert all(np.array_equal(system.is_target, is_target) for system in systems)
    first, second, num_speakers = _numbered(speakers, is_target)
    rng = np.random.default_rng(seed)
    found: dict[str, list[list[float]]] = {name: [] for name in measures}
    for done in range(1, num_resamples + 1):
        drawn = np.bincount(rng.integers(num_speakers, size=num_speakers), minlength=num_speakers)
        weights = np.where(is_target, drawn[first], drawn[first] * drawn[second])
        if weights[is_target].any() and weights[~is_target].any():
            curves = [system.curves(weights.astype(np.float64)) for system in systems]
            for name, measure in measures.items():
                found[name].append([measure(of_system) for of_system in curves])
        if progress:
            progress(done, num_resamples)
    return {name: np.array(values).T for name, values in found.items()}


def percentile_interval(values: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of what came to these values in draws, (draws,).

    Source:
        Percentile bootstrap (Efron, 1979).
    """
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def achieved_significance(differences: np.ndarray) -> float:
    """The two-sided p value of no difference, given differences in draws, (draws,).

    Twice the share of draws in which the difference is 0 or on the rarer side of it: the least
    level at which a percentile interval leaves 0 out. Of 1000 draws it is never below 0.002.

    Source:
        Achieved significance level of the percentile bootstrap: Efron and Tibshirani, "An
        introduction to the bootstrap", 1993, section 15.4; the observed data are counted in as one
        more draw (Davison and Hinkley, 1997, section 4.2).
    """
    rarer = min((differences <= 0).sum(), (differences >= 0).sum())
    return float(min(1.0, 2 * (rarer + 1) / (len(differences) + 1)))


def _numbered(
    speakers: Sequence[tuple[str, str]], is_target: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int]:
    """The numbers of both speakers of each trial, (trials,) each, and how many speakers there are.

    Raises:
        TrialError: If there are fewer than three, or the labels contradict them.
    """
    names = sorted({name for pair in speakers for name in pair})
    if len(names) < 3:
        raise TrialError(f"speakers: {len(names)}. Intervals over speakers need 3 or more")
    number = {name: place for place, name in enumerate(names)}
    first, second = np.array([[number[a], number[b]] for a, b in speakers]).T
    wrong = np.flatnonzero((first == second) != is_target)
    if len(wrong):
        a, b = speakers[wrong[0]]
        label = "a target" if is_target[wrong[0]] else "a non-target"
        raise TrialError(
            f"trial {wrong[0] + 1} is {label} trial, but its speakers are {a!r} and {b!r} "
            f"({len(wrong)} trials are such). Check labels and speakers"
        )
    return first, second, len(names)
