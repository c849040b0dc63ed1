"""LibriSpeech: ROOT/SUBSET/SPEAKER/CHAPTER/UTTERANCE, and SPEAKERS.TXT beside the subsets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wesep_like.data.corpora.base import Contents, Corpus, Sounds, find_sounds, names_in
from wesep_like.data.manifest import Utterance
from wesep_like.data.text_lines import numbered_lines, read_text
from wesep_like.errors import ManifestError

SPEAKERS = "SPEAKERS.TXT"

_TRAIN = ("train-clean-100", "train-clean-360", "train-other-500")
_SUBSETS = (*_TRAIN, "dev-clean", "dev-other", "test-clean", "test-other")
# As the community calls them: more than one subset to train on, in one manifest.
_JOINED = {"train-clean-460": _TRAIN[:2], "train-960": _TRAIN}


@dataclass(frozen=True)
class LibriSpeech(Corpus):
    """Each of its subsets that is there."""

    def find(self, root: Path) -> list[Path]:
        """The sound files of the subsets; nothing else below the root is looked at.

        Raises:
            ManifestError: If there is no subset.
        """
        subsets = [root / name for name in _SUBSETS if (root / name).is_dir()]
        if not subsets:
            raise ManifestError(
                f"{root}: none of the folders {', '.join(_SUBSETS)}. There is: {names_in(root)}. "
                "Give the folder LibriSpeech that has them"
            )
        return [path for folder in sorted(subsets) for path in find_sounds(folder)]

    def index(self, root: Path, sounds: Sounds) -> Contents:
        """A manifest for each subset, and for subsets for training that are there together."""
        sexes = read_sexes(root / SPEAKERS) if (root / SPEAKERS).is_file() else {}
        of_subset = {
            name: speakers_utterances(root / name, sounds, sexes)
            for name in _SUBSETS
            if (root / name).is_dir()
        }
        for joined, parts in _JOINED.items():
            if all(of_subset.get(part) for part in parts):
                of_subset[joined] = [u for part in parts for u in of_subset[part]]
        return {
            f"{name}/utterances.jsonl": utterances
            for name, utterances in of_subset.items()
            if utterances
        }


def speakers_utterances(folder: Path, sounds: Sounds, sexes: Mapping[str, str]) -> list[Utterance]:
    """Those of the sounds that are below a folder which has a folder for each speaker."""
    utterances = []
    for path, sound in sounds.items():
        if not path.is_relative_to(folder):
            continue
        speaker = path.relative_to(folder).parts[0]
        utterances.append(
            Utterance(
                id=path.stem,
                speaker=speaker,
                path=str(path),
                num_samples=sound.num_samples,
                sample_rate=sound.sample_rate,
                sex=sexes.get(speaker),
            )
        )
    return utterances


def read_sexes(path: Path) -> dict[str, str]:
    """Speaker -> F or M, from lines as `14   | F | train-clean-360  | 25.03 | Kristin LeMoine`.

    Raises:
        ManifestError: If the file cannot be read, or has no such lines.
    """
    advice = "Give LibriSpeech's SPEAKERS.TXT"
    text = read_text(path, "lines of 'SPEAKER | SEX | ...'", advice)
    rows = [line.split("|") for _, line in numbered_lines(text) if not line.startswith(";")]
    sexes = {row[0].strip(): row[1].strip() for row in rows if row[1:]}
    if not sexes:
        raise ManifestError(f"{path}: no lines of 'SPEAKER | SEX | ...' in it. {advice}")
    return sexes
