"""A set of fixed mixtures to judge a model on, and what lies beside it and tells of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wesep_like.data.manifest import Utterance, read_manifest
from wesep_like.data.simulation.plans import MixturePlan, read_plans
from wesep_like.data.text_lines import read_text
from wesep_like.errors import ManifestError

MIXTURES = "mixtures.jsonl"
"""What a data folder calls its fixed mixtures."""

UTTERANCES = "utterances.jsonl"
ABOUT = "about.json"


@dataclass(frozen=True)
class MixtureSet:
    """Fixed mixtures and what is known of them.

    Args:
        plans: The mixtures.
        sexes: Of speakers, as the corpus says it; those that it does not tell are missing.
        about: What the mixtures are, for the reader of a report; say, `corpus` and `variant`.
    """

    plans: list[MixturePlan]
    sexes: Mapping[str, str]
    about: Mapping[str, str]


def read_mixture_set(data: str | Path) -> MixtureSet:
    """The mixtures of a data folder, or of such a file, and what other files there say of them.

    Sexes are those of `utterances.jsonl`, and `about` is `about.json`, where there are such.

    Raises:
        ManifestError: If there are no mixtures, or a file is not what it should be.
    """
    mixtures = find_mixtures(data)
    utterances, about = (mixtures.parent / name for name in (UTTERANCES, ABOUT))
    return MixtureSet(
        read_plans(mixtures),
        _read_sexes(utterances) if utterances.is_file() else {},
        _read_about(about) if about.is_file() else {},
    )


def find_mixtures(data: str | Path) -> Path:
    """The file of fixed mixtures that a user means by a data folder or by the file itself.

    Raises:
        ManifestError: If there is none.
    """
    data = Path(data)
    if data.is_file():
        return data
    if not (data / MIXTURES).is_file():
        what = f"no {MIXTURES} in it" if data.is_dir() else "no such file or folder"
        below = ", ".join(str(path.parent) for path in sorted(data.glob(f"*/{MIXTURES}")))
        raise ManifestError(
            f"{data}: {what}. Name a data folder with {MIXTURES}, or such a file. "
            + (f"There is one in {below}" if below else "'wesep-like prepare' writes them")
        )
    return data / MIXTURES


def _read_sexes(path: Path) -> dict[str, str]:
    utterances = read_manifest(path, Utterance)
    return {each.speaker: each.sex for each in utterances if each.sex}


def _read_about(path: Path) -> dict[str, str]:
    text = read_text(path, "JSON", "'wesep-like prepare' writes it.")
    try:
        about = json.loads(text)
    except ValueError as error:
        raise ManifestError(
            f"{path}: is no JSON ({error}). 'wesep-like prepare' writes it"
        ) from None
    if not isinstance(about, dict) or not all(isinstance(value, str) for value in about.values()):
        raise ManifestError(f"{path}: expected one object of texts. 'wesep-like prepare' writes it")
    return about
