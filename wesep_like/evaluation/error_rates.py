"""Labelled scores -> error rates and costs, with intervals over speakers, of one system or two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from wesep_like.metrics.cllr import cllr_of, min_cllr_of
from wesep_like.metrics.detection import act_dcf_of, eer_of, min_dcf_of
from wesep_like.metrics.error_curves import ErrorCurves, SortedTrials
from wesep_like.metrics.speaker_bootstrap import (
    Measure,
    achieved_significance,
    draw_speakers,
    percentile_interval,
)

P_TARGETS = (0.01, 0.05)  # as published VoxCeleb results and as the VoxSRC challenge have it


def _costs(cost: Callable[[ErrorCurves, float, float], float], name: str) -> dict[str, Measure]:
    def at(p_target: float) -> Measure:
        return lambda curves: cost(curves, p_target, 1 - p_target)

    return {f"{name} {p_target}": at(p_target) for p_target in P_TARGETS}


_MEASURES: dict[str, Measure] = {
    "eer": lambda curves: eer_of(curves).rate,
    "convex_hull_eer": lambda curves: eer_of(curves.convex_hull).rate,
    **_costs(min_dcf_of, "min_dcf"),
    **_costs(act_dcf_of, "act_dcf"),
    "cllr": cllr_of,
    "min_cllr": min_cllr_of,
}


def eer_report(
    scores: ArrayLike,
    is_target: ArrayLike,
    speakers: Sequence[tuple[str, str]] | None = None,
    *,
    other_scores: ArrayLike | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Error rates, as fractions, and costs: ready to be written as JSON.

    Args:
        scores: (trials,), larger means more alike.
        is_target: (trials,), whether the speaker is the same: booleans, or 0 and 1.
        speakers: Of both utterances of each trial, for the intervals.
        other_scores: Of another system on the same trials, (trials,), to compare with; both get
            the same draws of speakers.
        progress: Told (draws done, all draws) for the intervals.

    Returns:
        `eer`; `eer_threshold`, the score at which it is reached; `convex_hull_eer`; `min_dcf` and
        `act_dcf`, by the probability of a target trial; `cllr`, `min_cllr`; `intervals`, of 95 %
        over speakers, of each of these, as [low, high], or None without speakers; `num_speakers`
        likewise; `num_trials`, `num_target`; `mean_target`, `mean_nontarget`, the mean scores;
        `differences`, None or for each of the measures its `value` by this system, `other` by the
        other one, their `difference` with its `interval`, and `p`, that of
        `achieved_significance`; both None without speakers. `act_dcf` and `cllr` take scores for
        natural log-likelihood ratios.

    Raises:
        TrialError: If the lengths differ, a score is not finite, or a class has no trial; or there
            are fewer than three speakers, or the labels contradict them.
    """
    trials = SortedTrials(scores, is_target)
    systems = [trials]
    if other_scores is not None:
        systems.append(SortedTrials(other_scores, is_target))
    curves = [system.curves() for system in systems]
    values = {
        name: [measure(of_system) for of_system in curves] for name, measure in _MEASURES.items()
    }
    drawn = intervals = None
    if speakers is not None:
        drawn = draw_speakers(systems, speakers, _MEASURES, progress=progress)
        intervals = {name: list(percentile_interval(own)) for name, (own, *_) in drawn.items()}
    return {
        **_nested({name: own for name, (own, *_) in values.items()}),
        "eer_threshold": eer_of(curves[0]).threshold,
        "intervals": None if intervals is None else _nested(intervals),
        "num_speakers": None if speakers is None else len({s for pair in speakers for s in pair}),
        "num_trials": len(trials.scores),
        "num_target": int(trials.is_target.sum()),
        "mean_target": float(np.mean(trials.scores[trials.is_target])),
        "mean_nontarget": float(np.mean(trials.scores[~trials.is_target])),
        "differences": None if other_scores is None else _differences(values, drawn),
    }


def _differences(
    values: Mapping[str, Sequence[float]], drawn: Mapping[str, np.ndarray] | None
) -> dict[str, Any]:
    """What this system has over the other one, by measure; less is better."""
    found = {}
    for name, (own, other) in values.items():
        differences = None if drawn is None else drawn[name][0] - drawn[name][1]
        found[name] = {
            "value": own,
            "other": other,
            "difference": own - other,
            "interval": None if differences is None else list(percentile_interval(differences)),
            "p": None if differences is None else achieved_significance(differences),
        }
    return _nested(found)


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """`{"min_dcf 0.01": x}` becomes `{"min_dcf": {"0.01": x}}`."""
    result: dict[str, Any] = {}
    for name, value in flat.items():
        measure, _, p_target = name.partition(" ")
        if p_target:
            result.setdefault(measure, {})[p_target] = value
        else:
            result[measure] = value
    return result
