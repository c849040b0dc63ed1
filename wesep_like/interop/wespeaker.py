"""Speaker encoders of WeSpeaker: their class names and arguments -> our sections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from torch import Tensor

from wesep_like.errors import ModelFileError
from wesep_like.models.speakers.repvgg import RepVGGSize

# By the end of their names, as `REPVGG_B1g2`.
_REPVGG: dict[str, dict[str, Any]] = {
    **{size.upper(): {"size": size} for size in get_args(RepVGGSize) if size != "d2"},
    "TINY_RSBB_A0": {"size": "tiny_a0", "dilated": True},
    **{f"RSBB_{size}": {"size": size.lower(), "dilated": True} for size in ("A0", "A2", "B0")},
    **{
        f"B{number}g{groups}": {"size": f"b{number}", "groups": groups}
        for number in (1, 2, 3)
        for groups in (2, 4)
    },
    "D2SE": {"size": "d2", "groups": 4, "squeeze_excite": True},
}
_ENCODERS: dict[str, dict[str, Any]] = {
    **{f"ResNet{depth}": {"name": f"resnet{depth}"} for depth in (18, 34, 50, 101, 152, 221, 293)},
    "SimAM_ResNet34_ASP": {"name": "simam_resnet34"},
    "SimAM_ResNet100_ASP": {"name": "simam_resnet100"},
    **{f"REPVGG_{name}": {"name": "repvgg", **options} for name, options in _REPVGG.items()},
    "Res2Net34_Base": {"name": "res2net34"},
    "Res2Net34_Large": {"name": "res2net34", "channels": 64},
    "ERes2Net34_Base": {"name": "eres2net34"},
    "ERes2Net34_Large": {"name": "eres2net34", "channels": 64},
    "ERes2Net34_aug": {
        "name": "eres2net34",
        "channels": 64,
        "num_slices": 3,
        "base_width": 24,
        "expansion": 4,
    },
    **{
        f"Gemini_DF_ResNet{depth}": {"name": f"gemini_dfresnet{depth}"}
        for depth in (60, 114, 183, 237)
    },
    "XVEC": {"name": "xvector"},
    "ECAPA_TDNN_c512": {"name": "ecapa_tdnn"},
    "ECAPA_TDNN_GLOB_c512": {"name": "ecapa_tdnn"},
    "ECAPA_TDNN_c1024": {"name": "ecapa_tdnn", "channels": 1024},
    "ECAPA_TDNN_GLOB_c1024": {"name": "ecapa_tdnn", "channels": 1024},
    "CAMPPlus": {"name": "campplus"},
    **{f"ReDimNetB{number}": {"name": "redimnet", "size": f"B{number}"} for number in range(7)},
}
# Arguments that only some of them have -> our options.
_OPTIONS = {
    "hid_dim": "channels",
    "in_planes": "channels",
    "stats_dim": "pooled_dim",
    "emb_bn": "embed_norm",
    "scale": "num_slices",
    "baseWidth": "base_width",
    "expansion": "expansion",
    "use_se": "squeeze_excite",
    "deploy": "merged",
}
_POOLINGS = {
    "TAP": "average",
    "TSDP": "deviation",
    "TSTP": "statistics",
    "ASTP": "attentive_local",
    "ASP": "self_attentive",
    "MHASTP": "multi_head_attentive",
    "MQMHASTP": "multi_query_attentive",
}
_DEFAULT_POOLINGS = {"ECAPA_TDNN": "ASTP", "ReDimNet": "ASTP", "SimAM": "ASP"}  # else TSTP
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
    if name.startswith("SimAM"):
        args = {"feat_dim": args.get("acoustic_dim", 80), "embed_dim": 256, **args}
    default = next(
        (pooling for start, pooling in _DEFAULT_POOLINGS.items() if name.startswith(start)), "TSTP"
    )
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
