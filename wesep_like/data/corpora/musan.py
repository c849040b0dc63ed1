"""MUSAN: ROOT/{music,noise,speech}/SOURCE/*.wav."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from wesep_like.data.corpora.base import Contents, Corpus, Sounds, find_sounds, names_in
from wesep_like.data.manifest import Noise
from wesep_like.errors import ManifestError

_KINDS = ("music", "noise", "speech")


@dataclass(frozen=True)
class Musan(Corpus):
    """Those of its three kinds that are there."""

    def find(self, root: Path) -> list[Path]:
        """The sound files of the kinds; nothing else below the root is looked at.

        Raises:
            ManifestError: If there is no kind.
        """
        kinds = [kind for kind in _KINDS if (root / kind).is_dir()]
        if not kinds:
            raise ManifestError(
                f"{root}: none of the folders {', '.join(_KINDS)}. There is: {names_in(root)}. "
                "Give the folder musan that has them"
            )
        for kind in _KINDS:
            if kind not in kinds:
                warnings.warn(f"left out: {kind}. There is no {root / kind}", stacklevel=3)
        return [path for kind in kinds for path in find_sounds(root / kind)]

    def index(self, root: Path, sounds: Sounds) -> Contents:
        """A manifest of all, and one of each kind; an id begins with the kind."""
        noises = [
            Noise(
                path.relative_to(root).as_posix(), str(path), sound.num_samples, sound.sample_rate
            )
            for path, sound in sounds.items()
        ]
        of_kind = {
            kind: [noise for noise in noises if noise.id.startswith(f"{kind}/")] for kind in _KINDS
        }
        return {
            "noise.jsonl": noises,
            **{f"{kind}/noise.jsonl": found for kind, found in of_kind.items() if found},
        }
