"""Embeddings of recordings as a file: a NumPy archive without pickled objects.

`wesep-like embed` writes it. Beside `paths` and `embeddings` it has `ids`, `speakers` and `seconds`
where they are known, and `model`, which says what made them.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wesep_like.config.atomic import atomic_path
from wesep_like.errors import ManifestError

SUFFIX = ".npz"
_ADVICE = "Write it with 'wesep-like embed'"
_TEXTS = ("paths", "ids", "speakers")


@dataclass(frozen=True)
class Embeddings:
    """Embeddings and what they are of.

    Attributes:
        paths: Of the recordings, as they were named, (recordings,).
        vectors: (recordings, dim), float32, finite.
        ids: (recordings,), empty where not known.
        speakers: (recordings,), empty where not known.
        seconds: How long the recordings are, (recordings,), NaN where not known.
        model: What made them; its first word is the encoder. Empty if not known.
        where: What to call them in messages, say their file.
    """

    paths: np.ndarray
    vectors: np.ndarray
    ids: np.ndarray
    speakers: np.ndarray
    seconds: np.ndarray
    model: str = ""
    where: str = "embeddings"

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dim(self) -> int:
        """How many numbers an embedding has."""
        return self.vectors.shape[1]

    @property
    def encoder(self) -> str:
        """Which encoder made them, whatever it heard of a recording; empty if not known."""
        return self.model.partition(" ")[0]

    def chosen(self, rows: np.ndarray) -> Embeddings:
        """Some of them, by number or by a mask."""
        return Embeddings(
            self.paths[rows],
            self.vectors[rows],
            self.ids[rows],
            self.speakers[rows],
            self.seconds[rows],
            self.model,
            self.where,
        )

    def without_zeros(self) -> tuple[Embeddings, list[str]]:
        """Those that have a direction, and a line for each that has none."""
        zero = np.linalg.norm(self.vectors, axis=1) == 0
        lines = [
            f"{path}: its embedding is zero, which says nothing of a voice. It is left out"
            for path in self.paths[zero].tolist()
        ]
        return (self.chosen(~zero) if lines else self), lines

    def check_same_encoder(self, other: Embeddings) -> None:
        """Goes on only if the other ones are of the same encoder, as far as that is known.

        Raises:
            ManifestError: If they are not.
        """
        if other.dim != self.dim:
            raise ManifestError(
                f"{other.where}: embeddings of {other.dim} numbers, but those of {self.where} have "
                f"{self.dim}. Give archives of one encoder"
            )
        if other.encoder and self.encoder and other.encoder != self.encoder:
            raise ManifestError(
                f"{other.where}: made by another encoder ({other.encoder}) than {self.where} "
                f"({self.encoder}). Give archives of one encoder"
            )

    def known_speakers(self) -> list[str]:
        """The speaker of each.

        Raises:
            ManifestError: If one is not known.
        """
        unknown = np.flatnonzero(self.speakers == "")
        if len(unknown):
            raise ManifestError(
                f"{self.where}: not said who speaks in {self.paths[unknown[0]]} ({len(unknown)} of "
                f"{len(self)} are such). Write it with 'wesep-like embed --utterances'"
            )
        return self.speakers.tolist()


def read_embeddings(path: str | Path) -> Embeddings:
    """The embeddings in an archive.

    Raises:
        ManifestError: If it is no such archive, has none, or numbers that are not finite.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = {name: archive[name] for name in archive.files}
        paths, vectors = found["paths"], found["embeddings"]
    # Not an archive at all: NumPy has other words for each kind of file.
    except (OSError, ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise ManifestError(
            f"{path}: no embeddings can be read from it ({error}). {_ADVICE}"
        ) from error
    if vectors.ndim != 2 or paths.shape != vectors.shape[:1]:
        raise ManifestError(
            f"{path}: paths of shape {paths.shape} and embeddings of shape {vectors.shape}. "
            f"{_ADVICE}"
        )
    if not vectors.size:
        raise ManifestError(f"{path}: no embeddings in it. {_ADVICE}")
    nothing = np.full(len(paths), "")
    columns = {
        "paths": paths,
        "ids": found.get("ids", nothing),
        "speakers": found.get("speakers", nothing),
        "seconds": found.get("seconds", np.full(len(paths), np.nan)),
    }
    for name, column in columns.items():
        is_right = column.dtype.kind in ("U" if name in _TEXTS else "fiu")
        if column.shape != paths.shape or not is_right:
            raise ManifestError(
                f"{path}: {name}: expected {len(paths)} {'texts' if name in _TEXTS else 'numbers'}"
                f", got {column.dtype} of shape {column.shape}. {_ADVICE}"
            )
    if vectors.dtype.kind != "f":
        raise ManifestError(f"{path}: embeddings: expected numbers, got {vectors.dtype}. {_ADVICE}")
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise ManifestError(
            f"{path}: the embedding of {paths[bad[0]]} has NaN or infinite numbers ({len(bad)} of "
            f"{len(paths)} are such). Embed these recordings again, or leave them out"
        )
    return Embeddings(
        vectors=vectors.astype(np.float32, copy=False),
        **columns,
        model=str(found.get("model", "")),
        where=str(path),
    )


def read_joined(paths: Sequence[str | Path]) -> Embeddings:
    """The embeddings in several archives, of one encoder.

    Raises:
        ManifestError: As `read_embeddings`, or if they are of several encoders.
    """
    parts = [read_embeddings(path) for path in paths]
    first = parts[0]
    if len(parts) == 1:
        return first
    for part in parts[1:]:
        first.check_same_encoder(part)
    return Embeddings(
        np.concatenate([part.paths for part in parts]),
        np.concatenate([part.vectors for part in parts]),
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.speakers for part in parts]),
        np.concatenate([part.seconds for part in parts]),
        first.model,
        ", ".join(part.where for part in parts),
    )


def write_embeddings(path: str | Path, embeddings: Embeddings) -> None:
    """Writes an archive, whole or not at all; what is not known of any recording is left out.

    Raises:
        OutputError: If it cannot be written there.
    """
    columns = {"paths": embeddings.paths, "embeddings": embeddings.vectors.astype(np.float32)}
    if (embeddings.ids != "").any():
        columns["ids"] = embeddings.ids
    if (embeddings.speakers != "").any():
        columns["speakers"] = embeddings.speakers
    if np.isfinite(embeddings.seconds).any():
        columns["seconds"] = embeddings.seconds
    if embeddings.model:
        columns["model"] = np.array(embeddings.model)
    with atomic_path(path) as draft, draft.open("wb") as file:
        np.savez(file, **columns)  # type: ignore[arg-type]  # mypy takes them for allow_pickle
