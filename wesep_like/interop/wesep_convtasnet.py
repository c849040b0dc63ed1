"""WeSep's ConvTasNet -> our Conv-TasNet, or SpEx+ where it has several filter lengths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from wesep_like.errors import ModelFileError
from wesep_like.interop.names import Rule, translated
from wesep_like.interop.wesep_fusions import fusion_rules
from wesep_like.models import TSEModel

_NORMS = {"gLN": "global", "cLN": "channel", "BN": "batch"}
_MASKS = ("relu", "sigmoid")
# The longer filters of the several, in samples at any rate.
_MIDDLE, _LONG = 80, 160
# Its own name of concatenation within the first block of a repeat.
CONCAT_WITHIN = "concatConv"


def is_spex_plus(args: Mapping[str, Any]) -> bool:
    """Whether these are the arguments of what is SpEx+ here."""
    return args.get("encoder_type", "Multi") == "Multi"


def separator_section(args: Mapping[str, Any], sample_rate: int, where: str) -> dict[str, Any]:
    """The config section of our separator.

    Raises:
        ModelFileError: For what we do not have.
    """
    encoder, decoder = args.get("encoder_type", "Multi"), args.get("decoder_type", "Multi")
    if encoder != decoder or encoder not in ("Multi", "Deep", None):
        raise ModelFileError(
            f"{where}: encoder_type, decoder_type: expected both to be Multi, Deep or null, "
            f"got {encoder!r} and {decoder!r}"
        )
    # A softmax over the batch, skip outputs that end with each repeat.
    if args.get("activate", "relu") not in _MASKS:
        raise ModelFileError(f"{where}: activate: only {' and '.join(_MASKS)} are known")
    if args.get("skip_con", False):
        raise ModelFileError(f"{where}: skip_con: only false is known")
    if not args.get("multi_fuse", True):
        raise ModelFileError(f"{where}: multi_fuse: only true is known")
    if args.get("causal") and encoder == "Deep":
        raise ModelFileError(f"{where}: causal: only false is known where encoder_type is Deep")
    milliseconds = 1000 / sample_rate
    length = args.get("L", 16)
    section: dict[str, Any] = {
        "num_filters": args.get("N", 512),
        "filter_bias": True,
        "bottleneck_dim": args.get("B", 128),
        "hidden_dim": args.get("H", 512),
        "kernel_size": args.get("P", 3),
        "num_layers": args.get("X", 8),
        "num_repeats": args.get("R", 3),
        "norm": _NORMS[args.get("norm", "gLN")],
        "causal": args.get("causal", False),
        "skip_connections": False,
        "mask": args.get("activate", "relu"),
        "fuse_inside": args.get("spk_fuse_type", CONCAT_WITHIN) == CONCAT_WITHIN,
    }
    if is_spex_plus(args):
        filters_ms = [samples * milliseconds for samples in (length, _MIDDLE, _LONG)]
        return {"name": "spex_plus", "filters_ms": filters_ms, **section}
    deep = {"filter_ms": length * milliseconds, "deep": encoder == "Deep"}
    return {"name": "conv_tasnet", **deep, **section}


def weights(
    args: Mapping[str, Any], state: Mapping[str, Tensor], model: TSEModel, where: str
) -> dict[str, Tensor]:
    """The tensors of separator, fusions and twin encoder under our names."""
    part = r"\.(?P<part>\w+)"
    to_norm = ".norm" if args.get("norm", "gLN") == "cLN" else ""
    dim = args.get("B", 128)

    rules = [
        *(_spex_plus_rules() if is_spex_plus(args) else _conv_tasnet_rules(to_norm)),
        *_twin_encoder_rules(),
    ]
    layers = {
        "conv1x1": "widen",
        "PReLU_1": "activation1",
        "prelu1": "activation1",
        "norm_1": f"norm1{to_norm}",
        "lnorm1": f"norm1{to_norm}",
        "dwconv": "depthwise",
        "dconv": "depthwise",
        "PReLU_2": "activation2",
        "prelu2": "activation2",
        "norm_2": f"norm2{to_norm}",
        "lnorm2": f"norm2{to_norm}",
        "Output": "narrow",
        "sconv": "narrow",
    }
    layer = rf"\.(?P<layer>{'|'.join(layers)})"
    place = r"separation\.separation\.(?P<place>\d+)"
    is_within = args.get("spk_fuse_type", CONCAT_WITHIN) == CONCAT_WITHIN
    # What a repeat is in the published list: the block with the fusion and the others; or the
    # fusion, PReLU, norm and the blocks.
    turn = 2 if is_within else 4

    def repeat(match: re.Match[str]) -> int:
        return int(match["place"]) // turn

    def of_block(match: re.Match[str]) -> str:
        number = int(match["number"]) + (1 if is_within else 0)
        name = layers[match["layer"]]
        return f"separator.blocks.{repeat(match)}.layers.{number}.{name}.{match['part']}"

    def of_first_block(match: re.Match[str]) -> str:
        name = layers[match["layer"]]
        return f"separator.blocks.{repeat(match)}.layers.0.{name}.{match['part']}"

    rules.append(Rule(rf"{place}\.separation\.(?P<number>\d+){layer}{part}", of_block))
    if is_within:
        rules.append(
            Rule(
                rf"{place}\.(?P<layer>conv1x1)\.(?P<part>weight)",
                of_first_block,
                lambda value: value[:, :dim],
            )
        )
        rules.append(Rule(place + layer + part, of_first_block))
    else:
        rules += fusion_rules(place, lambda match: f"fusions.{repeat(match)}")
        rules.append(
            Rule(
                rf"{place}{part}",
                lambda match: _entry(
                    repeat(match), int(match["place"]) % turn, to_norm, match["part"]
                ),
            )
        )
    ours = translated(state, rules, where)
    if is_within:
        # W [x; e] = W_x x + W_e e: the second half is a fusion that adds.
        for number in range(args.get("R", 3)):
            joined = state.get(f"separation.separation.{turn * number}.conv1x1.weight")
            if joined is not None:
                ours[f"fusions.{number}.linear.weight"] = joined[:, dim:, 0]
                ours[f"fusions.{number}.linear.bias"] = torch.zeros(len(joined))
    return ours


def _entry(repeat: int, place: int, to_norm: str, part: str) -> str:
    """Name of the PReLU (place 1) or the norm (place 2) between a fusion and its repeat."""
    inner = "0" if place == 1 else f"1{to_norm}"
    return f"separator.blocks.{repeat}.entry.{inner}.{part}"


def _filters(published: str, ours: str, side: str) -> list[Rule]:
    """Rules for a convolution that is a filterbank's analysis or synthesis."""
    return [
        Rule(rf"{published}\.weight", f"separator.{ours}.{side}.filterbank._filters"),
        Rule(rf"{published}\.bias", f"separator.{ours}.{side}_bias"),
    ]


def _conv_tasnet_rules(to_norm: str) -> list[Rule]:
    part = r"\.(?P<part>weight|bias)"
    rules = [
        Rule(r"LayerN_S\.(?P<part>\w+)", rf"separator.norm{to_norm}.\g<part>"),
        Rule(rf"BottleN_S{part}", r"separator.bottleneck.\g<part>"),
        Rule(rf"gen_masks{part}", r"separator.mask.\g<part>"),
    ]
    for published in (r"encoder\.0", r"encoder\.sequential\.0"):
        rules += _filters(published, "filterbank", "analysis")
    for published in ("decoder", r"decoder\.sequential\.8"):
        rules += _filters(published, "filterbank", "synthesis")

    def deeper(match: re.Match[str]) -> str:
        return f"separator.analysis_convs.{int(match['i']) - 1}.{match['part']}"

    # A transposed convolution of step one is a convolution by the reversed kernel.
    def reversed_kernel(value: Tensor) -> Tensor:
        return value.transpose(0, 1).flip(2) if value.ndim == 3 else value

    back = r"separator.synthesis_convs.\g<i>.\g<part>"
    return [
        *rules,
        Rule(rf"encoder\.sequential\.(?P<i>[1-8]){part}", deeper),
        Rule(rf"decoder\.sequential\.(?P<i>[0-7]){part}", back, reversed_kernel),
    ]


def _spex_plus_rules() -> list[Rule]:
    part = r"\.(?P<part>weight|bias)"
    rules = [
        Rule(rf"encoder\.ln{part}", r"separator.norm.norm.\g<part>"),
        Rule(rf"encoder\.proj{part}", r"separator.bottleneck.\g<part>"),
    ]
    for number, length in enumerate(("short", "middle", "long")):
        bank = f"filterbanks.{number}"
        rules += _filters(rf"encoder\.encoder_1d_{length}", bank, "analysis")
        rules += _filters(rf"decoder\.decoder_1d_{number + 1}", bank, "synthesis")
        rules.append(
            Rule(rf"decoder\.mask{number + 1}{part}", rf"separator.masks.{number}.\g<part>")
        )
    return rules


def _twin_encoder_rules() -> list[Rule]:
    part = r"\.(?P<part>\w+)"
    layers = {
        "conv1": "conv1",
        "conv2": "conv2",
        "batch_norm1": "norm1",
        "batch_norm2": "norm2",
        "prelu1": "activation1",
        "prelu2": "activation2",
        "conv_downsample": "shortcut",
    }
    of_layer = r"speaker.layers.\g<i>"
    return [
        Rule(rf"spk_model\.aux_enc3\.0{part}", r"speaker.layers.0.norm.\g<part>"),
        Rule(rf"spk_model\.aux_enc3\.(?P<i>[15]){part}", of_layer + r".\g<part>"),
        *(
            Rule(
                rf"spk_model\.aux_enc3\.(?P<i>[2-4])\.{theirs}{part}",
                rf"{of_layer}.{ours}.\g<part>",
            )
            for theirs, ours in layers.items()
        ),
    ]
