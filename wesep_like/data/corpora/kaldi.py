"""Kaldi's lists: of single speakers, or of mixtures and their sources as WeSep's recipes write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wesep_like.data.corpora.base import Contents, Corpus, Sounds
from wesep_like.data.corpora.kaldi_lists import (
    DRAWN,
    Sound,
    Voice,
    find,
    read_optional,
    read_singles,
    read_sounds,
    read_voices_of_speakers,
)
from wesep_like.data.corpora.premixed import (
    Enrolled,
    fixed_enrollments,
    length_of,
    premixed_contents,
    utterance_of,
)
from wesep_like.data.manifest import Utterance
from wesep_like.data.premixed import PremixedMixture, PremixedSource, utterance_in
from wesep_like.data.text_lines import raise_problems
from wesep_like.errors import ManifestError


@dataclass(frozen=True)
class _Speech:
    """What the lists beside a list of mixtures say.

    Args:
        voices: Files of single speakers by path, the mixtures' sources among them.
        fixed: Enrollments by mixture and number of the speaker.
    """

    voices: Mapping[Path, Voice]
    fixed: Mapping[tuple[str, int], Enrolled]


@dataclass(frozen=True)
class Kaldi(Corpus):
    """A folder of lists.

    Args:
        seed: Of the enrollments that are drawn.
    """

    seed: int = 1

    def find(self, root: Path) -> list[Path]:
        """Every sound file that the lists name, in order.

        Raises:
            ManifestError: If a list is missing, or wrong in up to ten lines that are told.
        """
        listed = read_sounds(root)
        files = {file for sound in listed for file in (sound.path, *sound.sources)}
        if _are_mixtures(listed):
            speech = _read_speech(root, listed)
            fixed = (enrolled.voice.path for enrolled in speech.fixed.values())
            files |= {*speech.voices, *(file for file in fixed if file.exists())}
        return sorted(files)

    def index(self, root: Path, sounds: Sounds) -> Contents:
        """A manifest of utterances; of mixtures also theirs, and fixed ones, each speaker a target.

        Raises:
            ManifestError: If lines are wrong; up to ten of them.
        """
        listed = read_sounds(root)
        if not _are_mixtures(listed):
            voices = [Voice(sound.id, sound.speakers[0], sound.path) for sound in listed]
            return {"utterances.jsonl": _utterances(voices, sounds, _sexes(root))}
        speech, sexes = _read_speech(root, listed), _sexes(root)
        mixtures = _mixtures(root, listed, sounds, speech)
        lists = "single.wav.scp or spk2enroll.json names"
        return premixed_contents(
            mixtures,
            _utterances(speech.voices.values(), sounds, sexes),
            fixed_enrollments(speech.fixed, mixtures, sounds, sexes, lists),
            source=str(root / "wav.scp"),
            seed=self.seed,
        )


def _are_mixtures(sounds: Sequence[Sound]) -> bool:
    return any(sound.sources for sound in sounds)


def _read_speech(root: Path, sounds: Sequence[Sound]) -> _Speech:
    of_speakers, singles = read_voices_of_speakers(root), read_singles(root)
    sources = [
        Voice(utterance_in(sound.id, sound.speakers, number), speaker, path)
        for sound in sounds
        for number, (speaker, path) in enumerate(zip(sound.speakers, sound.sources, strict=True))
    ]
    voices: dict[Path, Voice] = {}
    for voice in [*of_speakers, *sources, *singles.values()]:
        voices.setdefault(voice.path, voice)
    path_of = {voice.utterance: voice.path for voice in reversed(of_speakers)}
    path_of |= {name: voice.path for name, voice in singles.items()}
    fixed = {}
    for number in range(max(len(sound.speakers) for sound in sounds)):
        rows = read_optional(root / f"spk{number + 1}.enroll", "MIXTURE ENROLLMENT")
        for mixture, row in rows.items():
            if not row.value.startswith(DRAWN):
                path = path_of.get(row.value) or find(row.value)
                voice = voices.get(path, Voice(row.value, None, path))
                fixed[mixture, number] = Enrolled(row, voice)
    return _Speech(voices, fixed)


def _sexes(root: Path) -> dict[str, str]:
    rows = read_optional(root / "spk2gender", "SPK SEX")
    return {speaker: row.value.upper() for speaker, row in rows.items()}


def _utterances(
    voices: Iterable[Voice], files: Sounds, sexes: Mapping[str, str]
) -> list[Utterance]:
    """The voices whose speaker is known and whose file can be read."""
    return [
        utterance_of(voice, files, sexes)
        for voice in voices
        if voice.speaker is not None and voice.path in files
    ]


def _mixtures(
    root: Path, sounds: Sequence[Sound], files: Sounds, speech: _Speech
) -> list[PremixedMixture]:
    """The mixtures of which all files can be read."""
    mixtures, problems = [], []
    for sound in sounds:
        if not all(path in files for path in (sound.path, *sound.sources)):
            continue
        about = files[sound.path]
        lengths = {path: length_of(files[path]) for path in sound.sources}
        other = next((path for path in lengths if lengths[path] != length_of(about)), None)
        if other is not None:
            problems.append(
                f"{sound.where}: the mixture has {length_of(about)}, but {other} has "
                f"{lengths[other]}. Expected the same"
            )
            continue
        sources = [
            PremixedSource(speaker, speech.voices[path].utterance, str(path))
            for speaker, path in zip(sound.speakers, sound.sources, strict=True)
        ]
        try:
            mixture = PremixedMixture(
                sound.id, str(sound.path), about.num_samples, about.sample_rate, tuple(sources)
            )
        except ValueError as error:
            problems.append(f"{sound.where}: {error}")
            continue
        mixtures.append(mixture)
    raise_problems(root / "wav.scp", problems)
    if not mixtures:
        raise ManifestError(f"{root / 'wav.scp'}: of no mixture in it can all files be read")
    return mixtures
