"""Enrollments that are fixed: the maps of the community and of WeSep, and the maps that we draw.

A map of the community (`map_mixture2enrollment` of SpeakerBeam) has lines `MIXTURE UTTERANCE
ENROLLMENT`: what the target says in the mixture, and of which file it is enrolled, where `s1/A_B`
is source 1 of mixture A_B in the same set. WeSep has a list for each source, `spk1.enroll` and so
on, with lines `MIXTURE ENROLLMENT`; `spk2enroll.json` and `single.wav.scp` say which files are
meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from wesep_like.data.corpora.base import SUFFIXES
from wesep_like.data.corpora.kaldi_lists import (
    DRAWN,
    Row,
    Voice,
    find,
    read_rows,
    read_singles,
    read_voices_of_speakers,
)
from wesep_like.data.corpora.librimix_sets import MixtureSet, named_in_metadata, utterances_in
from wesep_like.data.corpora.premixed import Enrolled
from wesep_like.data.simulation.plans import MixturePlan
from wesep_like.data.text_lines import numbered_lines, raise_problems, read_text
from wesep_like.errors import ManifestError

MAP = "map_mixture2enrollment"
_COLUMNS = "MIXTURE UTTERANCE ENROLLMENT"
_WESEP = re.compile(r"spk([1-9])\.enroll")

# A line of a map: mixture, number of the target among its sources from 0, and the enrollment's name
# beside the place of the line.
_Line: TypeAlias = tuple[str, int, Row]


def read_enroll_maps(
    paths: Sequence[Path], sets: Mapping[str, MixtureSet]
) -> dict[str, dict[tuple[str, int], Enrolled]]:
    """What the maps say of each set, by mixture and number of the target.

    Args:
        paths: The maps; each may be of one set or of several.
        sets: By name.

    Raises:
        ManifestError: If one cannot be read or is of no set, or lines are wrong; up to ten of them.
    """
    whose = " or ".join(sets) or "dev or test, for there is none"
    # Of those the metadata name and of which there is no file, the caller has told.
    absent = {mixture for found in sets.values() for mixture in named_in_metadata(found)[1]}
    set_of = {mixture: name for name, found in sets.items() for mixture in found.ids}
    names = {name: _names_of_files(found) for name, found in sets.items()}
    fixed: dict[str, dict[tuple[str, int], Enrolled]] = {name: {} for name in sets}
    for path in paths:
        beside = _voices_beside(path)
        lines, problems = _read_map(path)
        if lines and not any(mixture in set_of for mixture, _, _ in lines):
            raise ManifestError(
                f"{path}: names no mixture of {whose}, but {lines[0][0]!r} and others. Give the "
                "map of these mixtures"
            )
        for mixture, number, row in lines:
            if mixture not in set_of:
                if mixture not in absent:
                    problems.append(f"{row.where}: no mixture is called {mixture!r} in {whose}")
                continue
            name = set_of[mixture]
            voice = _find_voice(row.value, names[name], beside)
            first = fixed[name].setdefault((mixture, number), Enrolled(row, voice))
            if first.row != row:
                problems.append(
                    f"{row.where}: {mixture!r} and this target are already in {first.row.where}"
                )
        raise_problems(path, problems)
    return fixed


def write_enroll_map(plans: Iterable[MixturePlan], found: MixtureSet) -> list[str]:
    """The lines of a map, in the form of the community.

    Args:
        plans: Called `s1/MIXTURE` and so on, after the target.
        found: The set that they are of.
    """
    name_of = {str(voice.path): name for name, voice in found.named_voices().items()}
    lines = []
    for plan in plans:
        part, _, mixture = plan.id.partition("/")
        utterance = utterances_in(mixture)[found.voices.index(part)]
        path = plan.enrollment.clip.path
        lines.append(f"{mixture} {utterance} {name_of.get(path, path)}")
    return lines


def _read_map(path: Path) -> tuple[list[_Line], list[str]]:
    """The lines of a map of either form, and what is wrong with the others."""
    if of_wesep := _WESEP.fullmatch(path.name):
        rows = read_rows(path, "MIXTURE ENROLLMENT")
        number = int(of_wesep[1]) - 1
        fixed = {key: row for key, row in rows.items() if not row.value.startswith(DRAWN)}
        return [(mixture, number, row) for mixture, row in fixed.items()], []
    advice = f"Give a {MAP}, or WeSep's spk1.enroll and spk2.enroll"
    text = read_text(path, f"lines of '{_COLUMNS}'", advice)
    lines: list[_Line] = []
    problems = []
    for number, line in numbered_lines(text):
        where = f"{path}:{number}"
        words = line.split(maxsplit=2)
        if len(words) < 3:
            problems.append(f"{where}: expected '{_COLUMNS}', got {line.strip()!r}")
            continue
        mixture, utterance, enrollment = words
        if utterance not in utterances_in(mixture):
            problems.append(f"{where}: {utterance!r} is not in the mixture {mixture!r}")
            continue
        target = utterances_in(mixture).index(utterance)
        lines.append((mixture, target, Row(where, enrollment.strip())))
    if not lines and not problems:
        raise ManifestError(f"{path}: no lines in it. Expected '{_COLUMNS}'")
    return lines, problems


def _names_of_files(found: MixtureSet) -> dict[str, Voice]:
    """The sources of a set, by `s1/MIXTURE` and by path."""
    named = found.named_voices()
    return named | {str(voice.path): voice for voice in named.values()}


def _voices_beside(path: Path) -> dict[str, Voice]:
    """What the lists beside one of WeSep's maps name."""
    if not _WESEP.fullmatch(path.name):
        return {}
    voices = {voice.utterance: voice for voice in reversed(read_voices_of_speakers(path.parent))}
    return voices | read_singles(path.parent)


def _find_voice(name: str, sources: Mapping[str, Voice], beside: Mapping[str, Voice]) -> Voice:
    """Which file a map means: a source of the set, what a list beside it names, or a path."""
    stem, dot, suffix = name.rpartition(".")
    short = stem if f"{dot}{suffix}".lower() in SUFFIXES else name
    if short in sources:
        return sources[short]
    if name in beside:
        return sources.get(str(beside[name].path), beside[name])
    path = find(name)
    return sources.get(str(path), Voice(name, None, path))
