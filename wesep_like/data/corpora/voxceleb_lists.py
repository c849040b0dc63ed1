"""What comes beside VoxCeleb's sound: facts of its speakers, and lists of trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from wesep_like.data.manifest import Utterance
from wesep_like.data.text_lines import numbered_lines, raise_problems, read_text
from wesep_like.errors import ManifestError

T = TypeVar("T")

_ATTEMPTS = 100  # of drawing a trial that was not drawn before


@dataclass(frozen=True)
class SpeakerFacts:
    """Of one speaker.

    Args:
        sex: F or M.
        part: dev or test.
    """

    sex: str | None = None
    part: str | None = None


def read_speaker_facts(path: Path) -> dict[str, SpeakerFacts]:
    """What vox1_meta.csv (tabs) or vox2_meta.csv (commas) says of each speaker.

    Raises:
        ManifestError: If it cannot be read, or is no such table.
    """
    advice = "Give vox1_meta.csv or vox2_meta.csv"
    text = read_text(path, "a table with the columns Gender and Set", advice).lstrip("\ufeff")
    rows = [
        [cell.strip() for cell in line.split("\t" if "\t" in line else ",")]
        for _, line in numbered_lines(text)
    ]
    header = rows[0] if rows else []
    if not {"Gender", "Set"} <= set(header):
        raise ManifestError(f"{path}: its first line has no columns Gender and Set. {advice}")
    sex, part = header.index("Gender"), header.index("Set")
    return {
        row[0]: SpeakerFacts(row[sex].upper() or None, row[part] or None)
        for row in rows[1:]
        if len(row) == len(header)
    }


def read_trial_list(path: Path) -> list[tuple[str, str, str]]:
    """The lines `1 a b` and `0 a b` of a published list.

    Raises:
        ManifestError: If it cannot be read, is empty, or has other lines; up to ten of them.
    """
    expected = "lines as '1 id10270/x6uYqmx31kE/00001.wav id10270/8jEAjG6SegY/00008.wav'"
    text = read_text(path, expected, "Give a list as veri_test2.txt")
    trials, problems = [], []
    for number, line in numbered_lines(text):
        label, *names = line.split()
        if label not in ("0", "1") or len(names) != 2:
            problems.append(f"{path}:{number}: expected {expected}, got {line.strip()!r}")
        else:
            trials.append((label, names[0], names[1]))
    raise_problems(path, problems)
    if not trials:
        raise ManifestError(f"{path}: no trials in it. Expected {expected}")
    return trials


def draw_trials(utterances: Sequence[Utterance], number: int, seed: int) -> list[str]:
    """Trials in the form of the published lists, half of them of one speaker; none comes twice.

    The two of one speaker are of different videos, and two speakers are of one sex where that is
    known: others are too easy to tell scores by.

    Args:
        utterances: With ids as SPEAKER/VIDEO/FILE.
        number: How many trials.
        seed: Another seed, other trials.

    Raises:
        ManifestError: If the utterances do not give so many.
    """
    videos: dict[str, dict[str, list[str]]] = {}
    of_sex: dict[str | None, set[str]] = {}
    for utterance in utterances:
        video = utterance.id.split("/")[1]
        videos.setdefault(utterance.speaker, {}).setdefault(video, []).append(utterance.id)
        of_sex.setdefault(utterance.sex, set()).add(utterance.speaker)
    of_several = sorted(speaker for speaker, of in videos.items() if len(of) > 1)
    groups = [sorted(speakers) for _, speakers in sorted(of_sex.items(), key=str)]
    groups = [speakers for speakers in groups if len(speakers) > 1]
    if not of_several or not groups:
        raise ManifestError(
            f"calibration_trials: {number} are asked for, but the speakers to train on are too "
            "few: expected one with two videos, and two of one sex"
        )
    rng = np.random.default_rng(seed)
    shares = np.array([len(speakers) for speakers in groups]) / sum(map(len, groups))

    def some(choices: Sequence[T]) -> T:
        return choices[int(rng.integers(len(choices)))]

    def two(choices: Sequence[T]) -> list[T]:
        return [choices[place] for place in rng.choice(len(choices), 2, replace=False)]

    def draw(is_target: bool) -> str:
        if is_target:
            of_two = two(list(videos[some(of_several)].values()))
        else:
            of_one_sex = groups[int(rng.choice(len(groups), p=shares))]
            of_two = [some(list(videos[speaker].values())) for speaker in two(of_one_sex)]
        return " ".join([str(int(is_target)), *sorted(some(video) for video in of_two)])

    trials: dict[str, None] = {}
    for place in range(number):
        for _ in range(_ATTEMPTS):
            trial = draw(is_target=place % 2 == 0)
            if trial not in trials:
                trials[trial] = None
                break
        else:
            raise ManifestError(
                f"calibration_trials: {number} are asked for, but after {len(trials)} hardly any "
                "are left to draw. Ask for fewer"
            )
    return list(trials)
