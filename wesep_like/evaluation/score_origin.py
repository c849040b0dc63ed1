"""How scores were made: a record beside a file of scores, so that a calibration meets its like."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from wesep_like.config.atomic import atomic_path

Origin: TypeAlias = dict[str, str]
"""`model`, `backend`, `mean`, `norm`, `cohort`, `top_n`, `calibration`, as far as they are known.

A file is told by the first digits of its SHA-256; what was not used is `none`.
"""

SUFFIX = ".origin.json"

_DIGITS = 12


def file_digest(path: str | Path | None) -> str:
    """The first digits of a file's SHA-256; `none` of no file.

    Raises:
        OSError: If it cannot be read.
    """
    if path is None:
        return "none"
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:_DIGITS]


def write_origin(scores: str | Path, origin: Mapping[str, str]) -> None:
    """Writes beside a file of scores how they were made.

    The scores themselves stay plain lines, as other programs read them.

    Raises:
        OutputError: If it cannot be written there.
    """
    content = {"scores": file_digest(scores), "origin": dict(origin)}
    with atomic_path(f"{scores}{SUFFIX}") as draft:
        draft.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_origin(scores: str | Path) -> Origin:
    """How the scores in a file were made; empty if not known, as of a file changed since then."""
    try:
        content = json.loads(Path(f"{scores}{SUFFIX}").read_text(encoding="utf-8"))
        if content["scores"] == file_digest(scores):
            return {str(name): str(value) for name, value in content["origin"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return {}


def differences(here: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """In what two origins differ, of what is known of both; a line for each thing."""
    return [
        f"{name} is {here[name]} here and was {there[name]} there"
        for name in here
        if name in there and here[name] != there[name]
    ]
