"""Speaker encoders of WeSpeaker: their class names and arguments -> our sections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wesep_like.errors import ModelFileError

_ENCODERS: dict[str, dict[str, Any]] = {
    "ResNet18": {"name": "resnet18"},
    "ResNet34": {"name": "resnet34"},
    "ECAPA_TDNN_GLOB_c512": {"name": "ecapa_tdnn"},
    "CAMPPlus": {"name": "campplus"},
}
_POOLINGS = {"TSTP": "statistics", "ASTP": "attentive"}


def encoder_section(name: str, args: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Our config section of the encoder that WeSpeaker calls `name`.

    Args:
        name: Its class or function there, as `ResNet34`.
        args: Its arguments, as `model_args` has them.
        where: For messages.

    Raises:
        ModelFileError: If we have no such encoder.
    """
    if name not in _ENCODERS:
        raise ModelFileError(
            f"{where}: no speaker encoder is called {name!r}. Known: {', '.join(_ENCODERS)}"
        )
    pooling = args.get("pooling_func", "ASTP" if name.startswith("ECAPA") else "TSTP")
    if pooling not in _POOLINGS:
        raise ModelFileError(
            f"{where}: no pooling is called {pooling!r}. Known: {', '.join(_POOLINGS)}"
        )
    if args.get("two_emb_layer"):
        raise ModelFileError(f"{where}: two_emb_layer: only false is known")
    section = {**_ENCODERS[name], "num_bins": args["feat_dim"], "embed_dim": args["embed_dim"]}
    return {**section, "pooling": _POOLINGS[pooling]}
