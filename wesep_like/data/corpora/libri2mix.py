"""LibriMix on disk, any variant of it: mixtures to train on, and fixed ones for dev and test."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from wesep_like.audio.io import AudioInfo, sounding_info
from wesep_like.data.corpora.base import Contents, Corpus, Job, Sounds, warn_of_each
from wesep_like.data.corpora.enroll_maps import MAP, read_enroll_maps, write_enroll_map
from wesep_like.data.corpora.librimix_sets import (
    MixtureSet,
    find_set,
    named_in_metadata,
    no_such_mixtures,
)
from wesep_like.data.corpora.librispeech import read_sexes
from wesep_like.data.corpora.premixed import (
    Enrolled,
    each_once,
    fixed_enrollments,
    length_of,
    premixed_contents,
    utterance_of,
)
from wesep_like.data.manifest import Utterance
from wesep_like.data.premixed import PremixedMixture, PremixedSource
from wesep_like.data.simulation.plans import MixturePlan
from wesep_like.errors import ManifestError

_TRAIN = "train"


@dataclass(frozen=True)
class Libri2Mix(Corpus):
    """One variant of a LibriMix tree, of two speakers or more.

    Args:
        sample_rate: Which of wav16k and wav8k.
        mode: Whether mixtures end with the shortest voice or the longest.
        mixtures: Without noise, with noise, or noise and one voice.
        train_set: Which sets become `train`, which must then be there. None: train-100, if it is.
        enroll_map: Fixed enrollments of dev and test; what they leave open is drawn.
        speakers: LibriSpeech's SPEAKERS.TXT, for the sexes.
        seed: Of the enrollments that are drawn.
    """

    sample_rate: Literal[16000, 8000] = 16000
    mode: Literal["min", "max"] = "min"
    mixtures: Literal["mix_clean", "mix_both", "mix_single"] = "mix_clean"
    train_set: Literal["train-100", "train-360", "both"] | None = None
    enroll_map: tuple[Path, ...] = ()
    speakers: Path | None = None
    seed: int = 1

    def find(self, root: Path) -> list[Path]:
        """The files of all mixtures, also those that should be there and are not, and all voices.

        Raises:
            ManifestError: If there are no such mixtures, or what lies beside them is wrong.
        """
        sets = self._sets(root)
        # What is wrong in a few lines is told before many files are read.
        self._sexes()
        listed = self._listed_enrollments(sets)
        files = {one.voice.path for of_set in listed.values() for one in of_set.values()}
        files = {path for path in files if path.exists()}
        for part, folders in self._folders(root).items():
            for folder in folders:
                if (folder / self.mixtures).is_dir():
                    continue
                if part == _TRAIN and self.train_set is not None:
                    raise ManifestError(
                        f"{folder / self.mixtures}: no such folder, but {self.train_set} is to be "
                        "trained on. Make that set, or ask for another"
                    )
                message = f"left out: {folder.name}. There is no {folder / self.mixtures}"
                warnings.warn(message, stacklevel=3)
        for found in (found for parts in sets.values() for found in parts):
            _tell_absent(found)
            files |= {found.path(part, name) for name in found.ids for part in found.parts}
            files |= {voice.path for voice in found.named_voices().values()}
        return sorted(files)

    def look(self, path: Path) -> AudioInfo:
        """What a file says of itself.

        Raises:
            AudioError: If it cannot be read, or is silent.
        """
        return sounding_info(path)

    def index(self, root: Path, sounds: Sounds) -> Contents:
        """Mixtures and utterances of each set; of dev and test also fixed mixtures and their map.

        Raises:
            ManifestError: If nothing is left of a set, or lines of a map are wrong.
        """
        sets, sexes = self._sets(root), self._sexes()
        listed = self._listed_enrollments(sets)
        contents: dict[str, Any] = {}
        for name, parts in sets.items():
            mixtures = [one for found in parts for one in _usable(found, sounds, self.sample_rate)]
            usable = {mixture.id for mixture in mixtures}
            voices = [
                utterance_of(voice, sounds, sexes)
                for found in parts
                for voice_name, voice in found.named_voices().items()
                if voice_name.partition("/")[2] in usable and voice.path in sounds
            ]
            self._tell_unknown(voices)
            of_set: Contents
            if name == _TRAIN:
                utterances = each_once(voices, str(parts[0].folder))
                of_set = {"premixed.jsonl": mixtures, "utterances.jsonl": utterances}
            else:
                fixed = fixed_enrollments(listed[name], mixtures, sounds, sexes, "the set has")
                maps = {one.row.file for one in listed[name].values()}
                of_set = self._fixed_mixtures(parts[0], mixtures, voices, fixed, sorted(maps))
            contents |= {f"{name}/{file}": content for file, content in of_set.items()}
        return contents

    def _folders(self, root: Path) -> dict[str, list[Path]]:
        """Where the sets of each folder of the data folder should be."""
        variant = root / f"wav{self.sample_rate // 1000}k" / self.mode
        wanted = self.train_set or "train-100"
        train = ["train-100", "train-360"] if wanted == "both" else [wanted]
        names = {_TRAIN: train, "dev": ["dev"], "test": ["test"]}
        return {part: [variant / name for name in sets] for part, sets in names.items()}

    def _sets(self, root: Path) -> dict[str, list[MixtureSet]]:
        """Those that are there."""
        sets = {
            part: [found for folder in folders if (found := find_set(folder, self.mixtures))]
            for part, folders in self._folders(root).items()
        }
        if not any(sets.values()):
            raise no_such_mixtures(root, self._folders(root), self.mixtures)
        return {part: found for part, found in sets.items() if found}

    def _listed_enrollments(
        self, sets: Mapping[str, Sequence[MixtureSet]]
    ) -> dict[str, dict[tuple[str, int], Enrolled]]:
        fixed_sets = {part: found[0] for part, found in sets.items() if part != _TRAIN}
        return read_enroll_maps(self.enroll_map, fixed_sets)

    def _sexes(self) -> dict[str, str]:
        return {} if self.speakers is None else read_sexes(self.speakers)

    def _tell_unknown(self, voices: Sequence[Utterance]) -> None:
        """Warn of speakers whose sex should be known."""
        unknown = sorted({voice.speaker for voice in voices if voice.sex is None})
        if self.speakers is not None and unknown:
            warnings.warn(
                f"{self.speakers}: says nothing of {len(unknown)} speakers, the first {unknown[0]}",
                stacklevel=4,
            )

    def _fixed_mixtures(
        self,
        found: MixtureSet,
        mixtures: Sequence[PremixedMixture],
        voices: Sequence[Utterance],
        fixed: Mapping[tuple[str, int], Utterance],
        maps: Sequence[str],
    ) -> dict[str, Any]:
        """What there is of dev or test."""
        targets = [(mixture, n) for mixture in mixtures for n in range(len(mixture.sources))]
        is_open = [(mixture.id, n) not in fixed for mixture, n in targets]
        said = f"drawn with seed {self.seed}"
        if maps:
            own = [
                fixed[mixture.id, n].id == mixture.sources[n].utterance
                for mixture, n in targets
                if (mixture.id, n) in fixed
            ]
            said = (
                f"{', '.join(Path(name).name for name in maps)}, "
                f"{len(fixed)} of {len(targets)} fixed"
                + (f" ({sum(own)} with what the target says)" if any(own) else "")
                + (f", the others {said}" if any(is_open) else "")
            )
        if maps and any(is_open):
            mixture, n = targets[is_open.index(True)]
            warnings.warn(
                f"{maps[0]}: says nothing of {sum(is_open)} of the {len(targets)} targets of "
                f"{found.folder.name}, the first s{n + 1}/{mixture.id}. Theirs are drawn",
                stacklevel=4,
            )
        source = str(found.folder / found.kind)
        contents = premixed_contents(mixtures, voices, fixed, source=source, seed=self.seed)
        plans = [plan for plan in contents["mixtures.jsonl"] if isinstance(plan, MixturePlan)]
        return {
            **contents,
            MAP: write_enroll_map(plans, found),
            "jobs.tsv": [
                Job(plan.mixture.path, plan.enrollment.clip.path, f"{plan.id}.wav")
                for plan in plans
                if plan.mixture is not None
            ],
            "about.json": {
                "corpus": f"Libri{len(found.voices)}Mix",
                "variant": "/".join([*found.folder.parts[-3:], found.kind]),
                "enrollments": said,
            },
        }


def _tell_absent(found: MixtureSet) -> None:
    """Warn of mixtures that the metadata name and of which there is no file."""
    path, named = named_in_metadata(found)
    known = set(found.ids)
    if absent := [name for name in named if name not in known]:
        warnings.warn(
            f"{path}: names {len(named)} mixtures, and of {len(absent)} there is no file, as of "
            f"{', '.join(absent[:3])}",
            stacklevel=4,
        )


def _usable(found: MixtureSet, sounds: Sounds, sample_rate: int) -> list[PremixedMixture]:
    """The mixtures of which all files are there and fit; warns of the others.

    Raises:
        ManifestError: If there are none.
    """
    mixtures, problems = [], []
    for name in found.ids:
        paths = [found.path(part, name) for part in found.parts]
        if not all(path in sounds for path in paths):
            continue
        about = sounds[paths[0]]
        other = next((path for path in paths if length_of(sounds[path]) != length_of(about)), None)
        voices = [found.voice(number, name) for number in range(len(found.sources))]
        if about.sample_rate != sample_rate:
            problem = f"is at {about.sample_rate} Hz. Expected {sample_rate} Hz, as its folder says"
        elif other is not None:
            problem = f"has {length_of(about)}, but {other} has {length_of(sounds[other])}"
        elif None in voices:
            problem = f"is called after other than {len(found.voices)} utterances"
        else:
            sources = [
                PremixedSource(str(voice.speaker), voice.utterance, str(voice.path))
                for voice in voices
                if voice is not None
            ]
            try:
                mixture = PremixedMixture(
                    name, str(paths[0]), about.num_samples, about.sample_rate, tuple(sources)
                )
            except ValueError as error:
                problem = str(error)
            else:
                mixtures.append(mixture)
                continue
        problems.append(f"skipped: {paths[0]}: {problem}")
    warn_of_each(problems, "mixtures")
    mixed = found.folder / found.kind
    if not mixtures:
        raise ManifestError(
            f"{mixed}: of no mixture in it can all files be used. Expected each in "
            f"{', '.join(found.parts)}, of one length, at {sample_rate} Hz"
        )
    if num_left_out := len(found.ids) - len(mixtures):
        warnings.warn(
            f"{mixed}: {num_left_out} of {len(found.ids)} mixtures are left out", stacklevel=4
        )
    return mixtures
