"""What every corpus of mixtures on disk gives: mixtures to train on, speakers, fixed mixtures."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from wesep_like.audio.io import AudioInfo
from wesep_like.data.corpora.base import Contents, Sounds
from wesep_like.data.corpora.kaldi_lists import Row, Voice
from wesep_like.data.manifest import Utterance
from wesep_like.data.premixed import PremixedMixture
from wesep_like.data.simulation.draw.premixed import PremixedPlanner, own_utterances
from wesep_like.data.simulation.plans import Clip, MixturePlan
from wesep_like.data.simulation.premixed import PremixedOptions
from wesep_like.data.text_lines import raise_problems
from wesep_like.errors import ManifestError


@dataclass(frozen=True)
class Enrolled:
    """A line of a list that fixes enrollments.

    Args:
        row: Where it stands, and the enrollment as it is called there.
        voice: The enrollment.
    """

    row: Row
    voice: Voice


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
    utterances = each_once([*others, *fixed.values(), *own_utterances(mixtures)], source)
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


def fixed_enrollments(
    listed: Mapping[tuple[str, int], Enrolled],
    mixtures: Sequence[PremixedMixture],
    sounds: Sounds,
    sexes: Mapping[str, str],
    lists: str,
) -> dict[tuple[str, int], Utterance]:
    """The enrollments that lists fix, by id of the mixture and number of the source.

    Published lists enroll some targets with what they say in the mixture. That is kept, so that
    results can be compared, with a warning.

    Args:
        listed: Likewise; those of other mixtures are left out.
        mixtures: Whose speakers are enrolled.
        sounds: The files that can be read.
        sexes: By speaker.
        lists: Where else enrollments get their names, for messages.

    Raises:
        ManifestError: If lines are wrong; up to ten of them.
    """
    fixed, problems, own = {}, [], []
    for mixture in mixtures:
        for number, source in enumerate(mixture.sources):
            if (mixture.id, number) not in listed:
                continue
            row, voice = listed[mixture.id, number].row, listed[mixture.id, number].voice
            if voice.path not in sounds:
                problems.append(
                    f"{row.where}: {row.value!r} is nothing that {lists}, and no file, or cannot "
                    "be read"
                )
                continue
            if voice.speaker not in (None, source.speaker):
                problems.append(
                    f"{row.where}: {row.value!r} is of speaker {voice.speaker!r}. Expected one of "
                    f"{source.speaker!r}"
                )
                continue
            if source.utterance == voice.utterance or source.path == str(voice.path):
                own.append(row)
            enrolled = replace(voice, speaker=source.speaker)
            fixed[mixture.id, number] = utterance_of(enrolled, sounds, sexes)
    if problems:
        raise_problems(next(iter(listed.values())).row.file, problems)
    if own:
        warnings.warn(
            f"{own[0].where}: {own[0].value!r} is what the target says in the mixture; so in "
            f"{len(own)} of {len(fixed)} lines. Kept as published",
            stacklevel=4,
        )
    return fixed


def utterance_of(voice: Voice, sounds: Sounds, sexes: Mapping[str, str]) -> Utterance:
    """A voice whose speaker is known and whose file can be read."""
    assert voice.speaker is not None
    sound = sounds[voice.path]
    return Utterance(
        voice.utterance,
        voice.speaker,
        str(voice.path),
        sound.num_samples,
        sound.sample_rate,
        sexes.get(voice.speaker),
    )


def length_of(about: AudioInfo) -> str:
    """The length of a file and its rate, for messages; two that are alike can be mixed."""
    return f"{about.num_samples} samples at {about.sample_rate} Hz"


def each_once(files: Iterable[Utterance], source: str) -> list[Utterance]:
    """Of several files of one utterance (in LibriMix: cut to other mixtures) the longest.

    Raises:
        ManifestError: If one utterance has two speakers.
    """
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
