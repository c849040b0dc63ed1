"""Files that are either whole or not there, and the folders for them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wesep_like.errors import OutputError


def make_folder(path: str | os.PathLike[str]) -> Path:
    """The folder `path`, made with its parents if need be.

    Raises:
        OutputError: If it cannot be made, or may not be written to.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be made a folder ({error.strerror}). Name a folder, or what is not yet"
        ) from error
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{path}: the folder may not be written to")
    return folder


def check_writable(path: str | os.PathLike[str]) -> Path:
    """The file that a write to `path` would replace, links followed.

    Worth calling before a long computation, so that a typing mistake does not cost its result.

    Raises:
        OutputError: If its folder is missing, or something other than a file stands there.
    """
    # os.path and not Path, whose methods fail on a circle of links or too long a name.
    target = Path(os.path.realpath(path))
    if not os.path.isdir(target.parent):
        raise OutputError(f"{path}: there is no folder {target.parent}. Make it first")
    if os.path.isdir(target):
        raise OutputError(f"{path}: is a folder. Give the name of a file in it")
    if os.path.exists(target) and not os.path.isfile(target):
        # Renaming onto a device or a pipe would put a plain file in its place.
        raise OutputError(f"{path}: is not a plain file, and only such a file can be replaced")
    if not os.access(target.parent, os.W_OK):
        raise OutputError(f"{path}: the folder {target.parent} may not be written to")
    return target


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A new name beside `path`; what is written there becomes `path` when the block ends well.

    If the block fails, `path` is as it was and nothing is left beside it.

    Raises:
        OutputError: If the file cannot be written, for example on a full disk.
    """
    target = check_writable(path)
    draft = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        yield draft
        os.replace(draft, target)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        draft.unlink(missing_ok=True)
