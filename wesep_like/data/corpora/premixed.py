"""What every corpus of mixtures on disk gives: mixtures to train on, speakers, fixed mixtures."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from wesep_like.data.corpora.base import Contents
from wesep_like.data.manifest import Utterance
from wesep_like.data.premixed import PremixedMixture
from wesep_like.data.simulation.draw.premixed import PremixedPlanner, own_utterances
from wesep_like.data.simulation.plans import Clip, MixturePlan
from wesep_like.data.simulation.premixed import PremixedOptions
from wesep_like.errors import ManifestError


def premixed_contents(
    mixtures: Sequence[PremixedMixture],
    others: Iterable[Utterance],
    fixed: Mapping[tuple[str, int], Utterance],
    *,
    source: str,
    seed: int,
) -> Contents:
    """The mixtures, each utterance of their speakers once, and each speaker of each as a target.

    Whole mixtures and whole enrollments; which enrollment is drawn where none is fixed. A speaker
    of whom there is no other utterance is no target, with a warning.

    Args:
        mixtures: At any rates; fixed mixtures are at the lowest of them.
        others: Utterances of the speakers, in the mixtures or not.
        fixed: Enrollments by id of the mixture and number of the source, from 0.
        source: Where the mixtures are listed, for messages.
        seed: Of the enrollments that are drawn.

    Raises:
        ManifestError: If nobody has another utterance, or one utterance has two speakers.
    """
    utterances = _each_once([*others, *fixed.values(), *own_utterances(mixtures)], source)
    options = PremixedOptions(source, mixture_seconds=None, enrollment_seconds=None)
    rate = min(mixture.sample_rate for mixture in mixtures)
    planner = PremixedPlanner(mixtures, utterances, options, rate)
    can_be_drawn = {(mixture.id, number) for mixture, number in planner.targets}
    plans: list[MixturePlan] = []
    without: list[str] = []
    targets = [(mixture, n) for mixture in mixtures for n in range(len(mixture.sources))]
    for number, (mixture, n) in enumerate(targets):
        enrollment = fixed.get((mixture.id, n))
        if enrollment is None and (mixture.id, n) not in can_be_drawn:
            without.append(f"{mixture.sources[n].speaker!r} in {mixture.id!r}")
            continue
        plans.append(
            planner.draw(
                np.random.default_rng([seed, number]),
                mixture_id=f"s{n + 1}/{mixture.id}",
                target=(mixture, n),
                enrollment=None if enrollment is None else _whole(enrollment),
            )
        )
    if without:
        warnings.warn(
            f"no other utterance to enroll with, so never a target: {len(without)} of "
            f"{len(targets)} speakers in mixtures, the first {without[0]}",
            stacklevel=4,
        )
    return {"premixed.jsonl": mixtures, "utterances.jsonl": utterances, "mixtures.jsonl": plans}


def _each_once(files: Iterable[Utterance], source: str) -> list[Utterance]:
    """Of several files of one utterance (in LibriMix: cut to other mixtures) the longest."""
    longest: dict[str, Utterance] = {}
    for file in files:
        known = longest.setdefault(file.id, file)
        if known.speaker != file.speaker:
            raise ManifestError(
                f"{source}: utterance {file.id!r} is of speaker {known.speaker!r} in {known.path}, "
                f"but of {file.speaker!r} in {file.path}"
            )
        if file.num_samples * known.sample_rate > known.num_samples * file.sample_rate:
            longest[file.id] = file
    return [longest[name] for name in sorted(longest)]


def _whole(utterance: Utterance) -> Clip:
    return Clip(utterance.path, 0, utterance.num_samples, utterance.sample_rate)
