"""Fusion layers of WeSep -> ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from wesep_like.errors import ModelFileError
from wesep_like.interop.names import Rule

_FUSIONS = {"concat": "concat", "additive": "add", "multiply": "multiply", "FiLM": "film"}


_ATTENDED = "cross_"
_NUM_HEADS = 2


def fusion_section(published: object, where: str) -> dict[str, Any] | None:
    """Our config section of what WeSep calls `spk_fuse_type`; false is none.

    Raises:
        ModelFileError: If we have no such fusion.
    """
    if published is False:
        return None
    plain = published.removeprefix(_ATTENDED) if isinstance(published, str) else ""
    if plain not in _FUSIONS:
        known = ", ".join([*_FUSIONS, *(_ATTENDED + name for name in _FUSIONS)])
        raise ModelFileError(f"{where}: no fusion is called {published!r}. Known: {known}")
    if plain == published:
        return {"name": _FUSIONS[plain]}
    return {"name": "cross_attention", "num_heads": _NUM_HEADS, "fuse": _FUSIONS[plain]}


def fusion_rules(published: str, ours: Callable[[re.Match[str]], str]) -> list[Rule]:
    """Rules for a `SpeakerFuseLayer`.

    Args:
        published: Pattern of its name, with a group for its number if there are several.
        ours: Name of ours, from the match.
    """
    layers = {"linear": "linear", r"gamma_fcs\.0": "gamma", r"beta_fcs\.0": "beta"}

    def named(layer: str) -> Callable[[re.Match[str]], str]:
        return lambda match: f"{ours(match)}.{layer}.{match['part']}"

    return [
        Rule(rf"{published}\.fc\.{layer}\.(?P<part>weight|bias)", named(name))
        for layer, name in layers.items()
    ]
