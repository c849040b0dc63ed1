"""VoxCeleb1 and VoxCeleb2 as they lie on disk: ROOT/**/idXXXXX/VIDEO/NNNNN.wav."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wesep_like.data.corpora.base import SUFFIXES, Contents, Corpus, Sounds, find_sounds, names_in
from wesep_like.data.corpora.voxceleb_lists import (
    SpeakerFacts,
    draw_trials,
    read_speaker_facts,
    read_trial_list,
)
from wesep_like.data.manifest import Utterance
from wesep_like.errors import ManifestError

_SPEAKER = re.compile(r"id(\d{5})")
# VoxCeleb2's speakers are id00012 to id09272, VoxCeleb1's id10001 to id11251; of these, the test
# set has the forty whose names begin with E.
_FIRST_OF_VOX1 = 10001
_TEST_OF_VOX1 = range(10270, 10310)
_FOLDER_OF_PART = re.compile(r"(?:^|[_-])(dev|test)(?:$|[_-])")
_UNREADABLE = ".m4a"  # libsndfile knows no AAC
_CONVERT = "Convert them: ffmpeg -i FILE.m4a -ar 16000 -ac 1 FILE.wav"


@dataclass(frozen=True)
class VoxCeleb(Corpus):
    """One of the two, or both below one folder.

    Args:
        meta: vox1_meta.csv and vox2_meta.csv: the speakers' sexes, and the set that each is of.
        trials: Published lists, as veri_test2.txt.
        calibration_trials: How many trials to draw of the speakers to train on.
        seed: Of these.
    """

    meta: tuple[Path, ...] = ()
    trials: tuple[Path, ...] = ()
    calibration_trials: int = 0
    seed: int = 1

    def find(self, root: Path) -> list[Path]:
        """The sound files below the root.

        Raises:
            ManifestError: If a list is wrong, or all files are as VoxCeleb2 is published.
        """
        # What is wrong in a few lines is told before many files are read.
        self._facts()
        self._trial_lists()
        found = find_sounds(root, SUFFIXES | {_UNREADABLE})
        sounds = [path for path in found if path.suffix.lower() != _UNREADABLE]
        names = {_name(path) for path in sounds}
        lost = [path for path in found if _name(path) not in names]
        if lost:
            message = f"{len(lost)} files as {lost[0].relative_to(root)} are of a kind that cannot"
            if not sounds:
                raise ManifestError(f"{root}: {message} be read. {_CONVERT}")
            warnings.warn(f"skipped: {message} be read. {_CONVERT}", stacklevel=3)
        return sounds

    def index(self, root: Path, sounds: Sounds) -> Contents:
        """A manifest of each set; what the trials name, with their lists; trials to calibrate with.

        An utterance's id is as in the published lists, with .wav at its end whatever the file is.
        Each file is an utterance: those of one video are not joined.

        Raises:
            ManifestError: If there are no such files, it cannot be told which set a speaker is of,
                or a list names what is not there.
        """
        lists, facts = self._trial_lists(), self._facts()
        sets, of_id = _by_set(root, sounds, facts)
        contents: dict[str, Any] = {
            f"{name}/utterances.jsonl": utterances for name, utterances in sorted(sets.items())
        }
        if lists:
            named = sorted({name for _, trials in lists.values() for name in _named(trials)})
            for path, trials in lists.values():
                _check_there(root, path, trials, of_id)
            contents["test/utterances.jsonl"] = [of_id[name] for name in named]
            for file, (_, trials) in lists.items():
                contents[f"test/{file}"] = [" ".join(trial) for trial in trials]
        if self.calibration_trials:
            trained = sets.get("vox2_dev") or sets.get("vox1_dev") or []
            drawn = draw_trials(trained, self.calibration_trials, self.seed)
            used = dict.fromkeys(name for trial in drawn for name in trial.split()[1:])
            contents["calibration/utterances.jsonl"] = [of_id[name] for name in sorted(used)]
            contents["calibration/trials.txt"] = drawn
        return contents

    def _facts(self) -> dict[str, SpeakerFacts]:
        return {
            speaker: of_speaker
            for path in self.meta
            for speaker, of_speaker in read_speaker_facts(path).items()
        }

    def _trial_lists(self) -> dict[str, tuple[Path, list[tuple[str, str, str]]]]:
        """By the name of the file."""
        lists: dict[str, tuple[Path, list[tuple[str, str, str]]]] = {}
        for path in self.trials:
            if path.name in lists:
                raise ManifestError(
                    f"trials: two lists are called {path.name}, {lists[path.name][0]} and {path}. "
                    "Rename one of them"
                )
            lists[path.name] = (path, read_trial_list(path))
        return lists


def _name(path: Path) -> str:
    """As published lists call it."""
    return "/".join((*path.parts[-3:-1], f"{path.stem}.wav"))


def _by_set(
    root: Path, sounds: Sounds, facts: Mapping[str, SpeakerFacts]
) -> tuple[dict[str, list[Utterance]], dict[str, Utterance]]:
    """The utterances of each set, in order, and all of them by id."""
    of_id: dict[str, Utterance] = {}
    sets: dict[str, list[Utterance]] = {}
    loose, again = [], []
    unknown: dict[str, str] = {}
    for path, sound in sounds.items():
        inside = path.relative_to(root).parts
        is_voice = len(inside) > 2 and _SPEAKER.fullmatch(inside[-3])
        if not is_voice:
            loose.append("/".join(inside))
            continue
        name, speaker = _name(path), inside[-3]
        if name in of_id:
            again.append(name)
            continue
        known = facts.get(speaker, SpeakerFacts())
        found_in = _set_of(speaker, (root.name, *inside[:-3]), known)
        if found_in is None:
            unknown.setdefault(speaker, "/".join(inside))
            continue
        of_id[name] = Utterance(
            name, speaker, str(path), sound.num_samples, sound.sample_rate, known.sex
        )
        sets.setdefault(found_in, []).append(of_id[name])
    if unknown:
        speaker, first = next(iter(unknown.items()))
        raise ManifestError(
            f"{root}: of {len(unknown)} speakers it is not said whether they are of dev or test, "
            f"the first {speaker} ({first}). Give vox2_meta.csv (--meta), or keep them below a "
            "folder dev or test"
        )
    if not of_id:
        raise ManifestError(
            f"{root}: no files as idXXXXX/VIDEO/NNNNN.wav below it. There is: {names_in(root)}"
        )
    for what, skipped in (("beside idXXXXX/VIDEO/NNNNN.wav", loose), ("there already", again)):
        if skipped:
            warnings.warn(
                f"skipped: {len(skipped)} sound files, {what}, the first {skipped[0]}", stacklevel=4
            )
    return sets, of_id


def _set_of(speaker: str, folders: Sequence[str], facts: SpeakerFacts) -> str | None:
    """Which of the four sets; None if nothing tells."""
    number = int(speaker[2:])
    if number >= _FIRST_OF_VOX1:
        return "vox1_test" if number in _TEST_OF_VOX1 else "vox1_dev"
    said = [found[1] for folder in folders if (found := _FOLDER_OF_PART.search(folder.lower()))]
    part = facts.part or (said[-1] if said else None)
    return None if part is None else f"vox2_{part}"


def _named(trials: Sequence[tuple[str, str, str]]) -> list[str]:
    return [name for _, *names in trials for name in names]


def _check_there(
    root: Path,
    path: Path,
    trials: Sequence[tuple[str, str, str]],
    of_id: Mapping[str, Utterance],
) -> None:
    names = dict.fromkeys(_named(trials))
    lost = [name for name in names if name not in of_id]
    if lost:
        raise ManifestError(
            f"{path}: {len(lost)} of the {len(names)} recordings that it names are not below "
            f"{root}, the first {lost[0]}. The lists are of VoxCeleb1: veri_test of its test set, "
            "the others of both sets"
        )
