"""Any corpus that has a folder a speaker: ROOT/SPEAKER/**/sound files."""

from __future__ import annotations

import warnings
from pathlib import Path

from wesep_like.data.corpora.base import Contents, Sounds
from wesep_like.data.manifest import Utterance
from wesep_like.errors import ManifestError


def index_folder(root: Path, sounds: Sounds, seed: int, sample_rate: int) -> Contents:
    """One manifest; an utterance's id is its path below the root, as in VoxCeleb's trials."""
    utterances, loose = [], []
    for path, sound in sounds.items():
        inside = path.relative_to(root)
        if len(inside.parts) == 1:
            loose.append(path.name)
            continue
        speaker = inside.parts[0]
        utterances.append(
            Utterance(inside.as_posix(), speaker, str(path), sound.num_samples, sound.sample_rate)
        )
    if not utterances:
        raise ManifestError(
            f"{root}: has {len(loose)} sound files, but no speaker's folder with one. "
            "Expected ROOT/SPEAKER/.../FILE.wav (or flac, ogg, opus, mp3)"
        )
    if loose:
        warnings.warn(
            f"skipped: {len(loose)} sound files beside the speakers' folders, the first {loose[0]}",
            stacklevel=3,
        )
    return {"utterances.jsonl": utterances}
