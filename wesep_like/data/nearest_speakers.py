"""Which speakers sound alike, by the embeddings of their utterances."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wesep_like.data.embedding_archive import read_embeddings
from wesep_like.data.manifest import Utterance
from wesep_like.errors import ManifestError


def nearest_speakers(
    path: str | Path, utterances: Sequence[Utterance], num: int, manifest: str
) -> dict[str, list[str]]:
    """For each speaker the `num` others whose embeddings are nearest by cosine, nearest first.

    A speaker's embedding is the mean of those of his utterances, each of unit length.

    Args:
        path: What `wesep-like embed` wrote.
        utterances: Of whom embeddings are looked up by path.
        num: How many; fewer where there are no more.
        manifest: Where the utterances are from, for messages.

    Raises:
        ManifestError: If it is no such archive, or has nothing of some speaker.
    """
    units = _units(path)
    sums: dict[str, np.ndarray] = {}
    for utterance in utterances:
        unit = units.get(os.path.realpath(utterance.path))
        if unit is not None:
            sums[utterance.speaker] = sums.get(utterance.speaker, 0) + unit
    missing = sorted({u.speaker for u in utterances} - set(sums))
    if missing:
        raise ManifestError(
            f"{path}: no embedding of {len(missing)} speakers of {manifest}, such as "
            f"{missing[0]!r}. Write it with 'wesep-like embed' of an utterance of each"
        )
    speakers = sorted(sums)
    means = _of_unit_length(np.stack([sums[speaker] for speaker in speakers]))
    nearest = {}
    for number, speaker in enumerate(speakers):
        likeness = means @ means[number]
        likeness[number] = -np.inf  # others
        order = np.argsort(-likeness, kind="stable")[: min(num, len(speakers) - 1)]
        nearest[speaker] = [speakers[other] for other in order]
    return nearest


def _units(path: str | Path) -> dict[str, np.ndarray]:
    """Embeddings of unit length by real path."""
    embeddings = read_embeddings(path)
    units = _of_unit_length(embeddings.vectors.astype(np.float64))
    names = embeddings.paths.tolist()
    return {os.path.realpath(name): unit for name, unit in zip(names, units, strict=True)}


def _of_unit_length(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
