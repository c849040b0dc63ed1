"""WeSep's TF-GridNet -> ours, whose pictures have frequency before time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from wesep_like.errors import ModelFileError
from wesep_like.interop.names import Rule, frequency_first, stft_section, translated
from wesep_like.interop.wesep_fusions import fusion_rules
from wesep_like.models import TSEModel


def separator_section(args: Mapping[str, Any], sample_rate: int, where: str) -> dict[str, Any]:
    """The config section of our separator.

    Raises:
        ModelFileError: For what we do not have.
    """
    only = {"n_srcs": 1, "n_imics": 1, "window": "hann", "activation": "prelu", "eps": 1e-5}
    for key, value in only.items():
        if args.get(key, value) != value:
            raise ModelFileError(f"{where}: {key}: only {value!r} is known, got {args[key]!r}")
    return {
        "name": "tfgridnet",
        "channels": args.get("emb_dim", 48),
        "hidden_dim": args.get("lstm_hidden_units", 192),
        "num_blocks": args.get("n_layers", 6),
        "num_heads": args.get("attn_n_head", 4),
        "query_dim": args.get("attn_approx_qk_dim", 512),
        "kernel_size": args.get("emb_ks", 4),
        "kernel_hop": args.get("emb_hs", 1),
        **stft_section(args.get("n_fft", 128), args.get("stride", 64), sample_rate),
    }


def weights(
    args: Mapping[str, Any], state: Mapping[str, Tensor], model: TSEModel, where: str
) -> dict[str, Tensor]:
    """The tensors of separator and fusion under our names."""
    kernel = args.get("emb_ks", 4)
    is_stacked = kernel == args.get("emb_hs", 1)  # stacks of neighbours that do not overlap
    dim = args.get("emb_dim", 48)
    part = r"\.(?P<part>weight|bias)"
    paths = {"intra": "along_frequency", "inter": "along_time"}

    def of_rnn(match: re.Match[str]) -> str:
        layer = {"norm": "norm", "rnn": "rnn", "linear": "spread"}[match["layer"]]
        return f"separator.blocks.{match['i']}.{paths[match['path']]}.{layer}.{match['rest']}"

    def channels_first(axis: int) -> Callable[[Tensor], Tensor]:
        """Turns stacks (neighbours x channels) along `axis` into (channels x neighbours)."""

        def turn(value: Tensor) -> Tensor:
            if not is_stacked:
                return value
            apart = value.unflatten(axis, (kernel, dim))
            return apart.transpose(axis, axis + 1).flatten(axis, axis + 1)

        return turn

    block = r"blocks\.(?P<i>\d+)"
    path = r"(?P<path>intra|inter)"
    head = rf"{block}\.attn_norm_(?P<head>[QKV])"
    heads = {"Q": "query_norm", "K": "key_norm", "V": "value_norm"}

    def of_head(part: str) -> Any:
        return lambda match: (
            f"separator.blocks.{match['i']}.attention.{heads[match['head']]}.{part}"
        )

    out = rf"{block}\.attn_concat_proj"
    ours_out = r"separator.blocks.\g<i>.attention.out"
    rules = [
        Rule(rf"conv\.0{part}", r"separator.conv.\g<part>", frequency_first),
        Rule(rf"conv\.1{part}", r"separator.norm.\g<part>"),
        Rule(rf"deconv{part}", r"separator.deconv.\g<part>", frequency_first),
        Rule(rf"{block}\.{path}_(?P<layer>rnn)\.(?P<rest>weight_ih\w+)", of_rnn, channels_first(1)),
        Rule(rf"{block}\.{path}_(?P<layer>linear)\.(?P<rest>\w+)", of_rnn, channels_first(0)),
        Rule(rf"{block}\.{path}_(?P<layer>norm|rnn)\.(?P<rest>\w+)", of_rnn),
        Rule(rf"{head}\.gamma", of_head("weight"), _bins_first),
        Rule(rf"{head}\.beta", of_head("bias"), _bins_first),
        Rule(rf"{head}\.act\.weight", of_head("slope")),
        Rule(rf"{out}\.0{part}", ours_out + r".0.\g<part>"),
        Rule(rf"{out}\.1\.weight", ours_out + r".1.weight"),
        Rule(rf"{out}\.2\.gamma", ours_out + r".2.weight", lambda value: value[0, :, 0].t()),
        Rule(rf"{out}\.2\.beta", ours_out + r".2.bias", lambda value: value[0, :, 0].t()),
        *fusion_rules("spk_fuse", lambda _: "fusions.0"),
    ]
    # Query, key and value are one matrix here.
    projections = {key: value for key, value in state.items() if "attn_conv_" in key}
    ours = translated({k: v for k, v in state.items() if k not in projections}, rules, where)
    for number in range(args.get("n_layers", 6)):
        for name in ("weight", "bias"):
            keys = [f"blocks.{number}.attn_conv_{head}.{name}" for head in "QKV"]
            if all(key in projections for key in keys):
                joined = torch.cat([projections[key] for key in keys])
                ours[f"separator.blocks.{number}.attention.project.{name}"] = joined
    return ours


def _bins_first(value: Tensor) -> Tensor:
    """(1, heads, channels, 1, bins) -> (heads, 1, bins x channels)."""
    return value[0, :, :, 0].transpose(1, 2).flatten(1).unsqueeze(1)
