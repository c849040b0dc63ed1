"""What a user calls a model becomes the folder that it is in."""

from __future__ import annotations

from pathlib import Path

from wesep_like import bundle
from wesep_like.errors import ModelFileError
from wesep_like.models.model_file import resolve_model_folder


def find_model_folder(model: str | Path | None) -> Path:
    """The folder of a model.

    Args:
        model: A model folder, an experiment folder, or a file inside; None or `bundled` is the
            bundled model.

    Raises:
        ModelFileError: If there is none.
    """
    if model is not None and str(model) != "bundled":
        return resolve_model_folder(model)
    folder = bundle.path() / "extraction"
    if not folder.is_dir():
        raise ModelFileError(
            f"{folder}: the bundled model is missing. Install wesep-like anew, or name a model"
        )
    return folder
