"""Any corpus that has a folder a speaker: ROOT/SPEAKER/**/sound files."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from wesep_like.data.corpora.base import Contents, Corpus, Sounds
from wesep_like.data.manifest import AnyUtterance, Utterance
from wesep_like.errors import ManifestError


@dataclass(frozen=True)
class Folder(Corpus):
    """A folder a speaker, of any depth.

    Args:
        unlabelled: Whether nothing is known of the speakers; folders then say nothing.
    """

    unlabelled: bool = False

    def index(self, root: Path, sounds: Sounds) -> Contents:
        """One manifest; an utterance's id is its path below the root, as in VoxCeleb's trials.

        Raises:
            ManifestError: If no sound file is in a speaker's folder.
        """
        if self.unlabelled:
            return {"utterances.jsonl": [_unlabelled(path, root, sounds) for path in sounds]}
        utterances, loose = [], []
        for path, sound in sounds.items():
            inside = path.relative_to(root)
            if len(inside.parts) == 1:
                loose.append(path.name)
                continue
            speaker = inside.parts[0]
            utterances.append(
                Utterance(
                    inside.as_posix(), speaker, str(path), sound.num_samples, sound.sample_rate
                )
            )
        if not utterances:
            raise ManifestError(
                f"{root}: has {len(loose)} sound files, but no speaker's folder with one. "
                "Expected ROOT/SPEAKER/.../FILE.wav (or flac, ogg, opus, mp3), or --unlabelled, "
                "to learn without speakers"
            )
        if loose:
            warnings.warn(
                f"skipped: {len(loose)} sound files beside the speakers' folders, the first "
                f"{loose[0]}",
                stacklevel=3,
            )
        return {"utterances.jsonl": utterances}


def _unlabelled(path: Path, root: Path, sounds: Sounds) -> AnyUtterance:
    sound = sounds[path]
    name = path.relative_to(root).as_posix()
    return AnyUtterance(name, str(path), sound.num_samples, sound.sample_rate)
