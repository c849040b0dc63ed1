"""A backend as a file: a NumPy archive without pickled objects, and what it was learnt from."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from wesep_like.config.atomic import atomic_path
from wesep_like.data.embedding_archive import Embeddings
from wesep_like.errors import ManifestError, TrialError
from wesep_like.scoring.backend import Backend
from wesep_like.scoring.plda import PLDA
from wesep_like.scoring.psda import PSDA
from wesep_like.scoring.scorers import Cosine
from wesep_like.scoring.transforms import Affine, LengthNorm

SUFFIX = ".npz"

_PARTS: dict[str, type[Any]] = {
    "affine": Affine,
    "length_norm": LengthNorm,
    "cosine": Cosine,
    "plda": PLDA,
    "psda": PSDA,
}
_NAMES = {cls: name for name, cls in _PARTS.items()}
_ABOUT = "about"


@dataclass(frozen=True)
class BackendFile:
    """A backend and where it is from.

    Attributes:
        dim: How many numbers the embeddings have that it takes.
        encoder: Of these embeddings; empty if not known.
        learnt_from: What it was learnt from, to be read by people.
        where: Its file.
    """

    backend: Backend
    dim: int
    encoder: str
    learnt_from: Mapping[str, Any]
    where: str

    def check_takes(self, embeddings: Embeddings) -> None:
        """Goes on only if these are embeddings of its encoder, as far as that is known.

        Raises:
            TrialError: If they are not.
        """
        if embeddings.dim != self.dim:
            raise TrialError(
                f"{self.where}: takes embeddings of {self.dim} numbers, but those of "
                f"{embeddings.where} have {embeddings.dim}. Give those of the encoder it is for"
            )
        if self.encoder and embeddings.encoder and self.encoder != embeddings.encoder:
            raise TrialError(
                f"{self.where}: learnt from embeddings of another encoder ({self.encoder}) than "
                f"{embeddings.where} ({embeddings.encoder}). Learn it from embeddings of this one"
            )


def write_backend(
    path: str | Path, backend: Backend, training: Embeddings, learnt_from: Mapping[str, Any]
) -> None:
    """Writes a backend, whole or not at all.

    Args:
        path: The file.
        backend: What was learnt.
        training: The embeddings that it was learnt from.
        learnt_from: What else is to be known of that, ready to be written as JSON.

    Raises:
        OutputError: If the file cannot be written there.
    """
    parts = [*backend.transforms, backend.scorer]
    about = {
        "parts": [_NAMES[type(part)] for part in parts],
        "dim": training.dim,
        "encoder": training.encoder,
        "learnt_from": dict(learnt_from),
    }
    arrays = {_ABOUT: np.array(json.dumps(about, ensure_ascii=False))}
    for number, part in enumerate(parts):
        for field in fields(part):  # type: ignore[arg-type]  # all of them are dataclasses
            value = getattr(part, field.name)
            if value is not None:
                arrays[f"{number}.{field.name}"] = np.asarray(value)
    with atomic_path(path) as draft, draft.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # mypy takes them for allow_pickle


def read_backend(path: str | Path) -> BackendFile:
    """The backend in a file.

    Raises:
        ManifestError: If it is none.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(str(arrays.pop(_ABOUT)))
        parts = [_part(name, number, arrays) for number, name in enumerate(about["parts"])]
        found = BackendFile(
            Backend(tuple(parts[:-1]), parts[-1]),
            int(about["dim"]),
            about["encoder"],
            about["learnt_from"],
            str(path),
        )
        probe = np.ones((2, found.dim))
        probe[1] = np.arange(found.dim)
        mapped = found.backend.transform(probe)
        found.backend.scorer.pairs(mapped[:1], mapped[1:])
    # Not an archive at all, or not of these arrays: there are other words for each.
    except (
        *(OSError, ValueError, KeyError, EOFError, AttributeError, TypeError, IndexError),
        zipfile.BadZipFile,
    ) as error:
        raise ManifestError(
            f"{path}: no backend can be read from it ({error}). Write it with 'wesep-like backend'"
        ) from error
    return found


def _part(name: str, number: int, arrays: Mapping[str, np.ndarray]) -> Any:
    kind = _PARTS[name]
    values = {}
    for field in fields(kind):
        array = arrays.get(f"{number}.{field.name}")
        if array is not None:
            values[field.name] = array if array.ndim else array.item()
    return kind(**values)
