"""Fusion layers of WeSep -> ours."""

from __future__ import annotations

import re
from collections.abc import Callable

from wesep_like.errors import ModelFileError
from wesep_like.interop.names import Rule

_FUSIONS = {"concat": "concat", "additive": "add", "multiply": "multiply", "FiLM": "film"}


def fusion_name(published: object, where: str) -> str:
    """Our name of what WeSep calls `spk_fuse_type`.

    Raises:
        ModelFileError: If we have no such fusion.
    """
    if not isinstance(published, str) or published not in _FUSIONS:
        raise ModelFileError(
            f"{where}: no fusion is called {published!r}. Known: {', '.join(_FUSIONS)}"
        )
    return _FUSIONS[published]


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
