"""Speaker encoders of WeSpeaker: their class names and arguments -> our sections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from wesep_like.errors import ModelFileError

_ENCODERS: dict[str, dict[str, Any]] = {
    "ResNet18": {"name": "resnet18"},
    "ResNet34": {"name": "resnet34"},
    "XVEC": {"name": "xvector"},
    "ECAPA_TDNN_c512": {"name": "ecapa_tdnn"},
    "ECAPA_TDNN_GLOB_c512": {"name": "ecapa_tdnn"},
    "ECAPA_TDNN_c1024": {"name": "ecapa_tdnn", "channels": 1024},
    "ECAPA_TDNN_GLOB_c1024": {"name": "ecapa_tdnn", "channels": 1024},
    "CAMPPlus": {"name": "campplus"},
    **{f"ReDimNetB{number}": {"name": "redimnet", "size": f"B{number}"} for number in range(7)},
}
# Arguments that only some of them have -> our options.
_OPTIONS = {"hid_dim": "channels", "stats_dim": "pooled_dim", "emb_bn": "embed_norm"}
_POOLINGS = {
    "TAP": "average",
    "TSDP": "deviation",
    "TSTP": "statistics",
    "ASTP": "attentive_local",
    "ASP": "self_attentive",
    "MHASTP": "multi_head_attentive",
    "MQMHASTP": "multi_query_attentive",
}
_ATTENTIVE_BY_DEFAULT = ("ECAPA_TDNN", "ReDimNet")
_SEES_ALL = ("ECAPA_TDNN_GLOB", "ReDimNet")  # the attention of their ASTP


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
    default = "ASTP" if name.startswith(_ATTENTIVE_BY_DEFAULT) else "TSTP"
    pooling = args.get("pooling_func", default)
    if pooling not in _POOLINGS:
        raise ModelFileError(
            f"{where}: no pooling is called {pooling!r}. Known: {', '.join(_POOLINGS)}"
        )
    if args.get("two_emb_layer"):
        raise ModelFileError(f"{where}: two_emb_layer: only false is known")
    ours = _POOLINGS[pooling]
    if pooling == "ASTP" and name.startswith(_SEES_ALL):
        ours = "attentive"
    return {
        **_ENCODERS[name],
        "num_bins": args["feat_dim"],
        "embed_dim": args["embed_dim"],
        "pooling": ours,
        **{option: args[theirs] for theirs, option in _OPTIONS.items() if theirs in args},
    }


def encoder_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of an encoder, each once, without the classifier over the training speakers."""
    return {
        key: value
        for key, value in state.items()
        # CAM++ has its pooling in two places.
        if not key.startswith("projection.")
        and not (key.startswith("pool.") and f"xvector.stats.{key[5:]}" in state)
    }
