"""The layout of WeSep's 2026 rewrite -> that of its older classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from wesep_like.errors import ModelFileError
from wesep_like.interop.names import Rule, translated

# Its classes that have an older counterpart.
CLASSES = {"TSE_BSRNN_SPK": "BSRNN"}

_FEATURES = ("listen", "usef", "tfmap", "context")


def older(
    args: Mapping[str, Any], state: Mapping[str, Tensor], where: str
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Arguments and state as the older class has them.

    Args:
        args: With the sections `separator` and `speaker`.
        state: With the parts `sep_model` and `spk_ft`.
        where: For messages.

    Raises:
        ModelFileError: For what the older class cannot do.
    """
    separator, speaker = dict(args.get("separator", {})), args.get("speaker", {})
    features = speaker.get("features", {})
    used = [name for name in _FEATURES if features.get(name, {}).get("enabled")]
    fused = features.get("spkemb", {})
    if used or not fused.get("enabled"):
        raise ModelFileError(
            f"{where}: speaker.features: expected spkemb and nothing else, got "
            f"{', '.join(used) or 'nothing'}"
        )
    for key, value in {"causal": False, "nspk": 1, "channels": 1}.items():
        if separator.pop(key, value) != value:
            raise ModelFileError(f"{where}: separator.{key}: only {value!r} is known")
    separator.pop("reference_channel", None)
    model = fused.get("speaker_model") or speaker.get("speaker_model", {})
    encoder = model.get("speaker_encoder", {})
    given = fused.get("input", "waveform") == "embedding"
    older_args = {
        **separator,
        "spk_fuse_type": fused.get("fusion", "multiply"),
        "multi_fuse": False,
        "joint_training": not given,
        "spk_feat": True,
        "spk_model": encoder.get("model", "ECAPA_TDNN_GLOB_c512"),
        "spk_args": {
            "embed_dim": 192,
            "feat_dim": 80,
            "pooling_func": "ASTP",
            **encoder.get("spk_args", {}),
        },
    }
    older_args["spk_emb_dim"] = older_args["spk_args"]["embed_dim"]
    return older_args, translated(state, _RULES, where)


_RULES = [
    Rule(r"sep_model\.(?:subband_norm|band_masker)\.(?P<rest>.+)", r"\g<rest>"),
    Rule(
        r"sep_model\.separator\.separation\.(?P<number>\d+)\.(?P<rest>.+)",
        # The older list begins with the fusion.
        lambda match: f"separator.separation.{int(match['number']) + 1}.{match['rest']}",
    ),
    Rule(r"spk_ft\.spkemb\.fusionLayer\.(?P<rest>.+)", r"separator.separation.0.\g<rest>"),
    # An encoder that features share is listed with each.
    Rule(r"spk_ft\.(?:spkemb\.)?encoder\.spk_model\.(?P<rest>.+)", r"spk_model.\g<rest>"),
    Rule(r"sep_model\.i?stft\..+", None),
]
