"""WeSep's BSRNN -> ours, whose bands of equal width stand together in one tensor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from wesep_like.errors import ModelFileError
from wesep_like.interop.names import Rule, stft_section, translated
from wesep_like.interop.wesep_fusions import fusion_rules
from wesep_like.models import TSEModel
from wesep_like.models.separators.bsrnn import BSRNN

FEATS_DEFAULTS = {"spectral_feat": False, "spk_fuse_type": "concat", "multi_fuse": False}
"""What BSRNN_Feats takes for granted, unlike BSRNN."""

_TF_MAPS = {False: None, "tfmap_spec": "magnitudes", "tfmap_emb": "frames"}


def separator_section(args: Mapping[str, Any], sample_rate: int) -> dict[str, Any]:
    """The config section of our separator."""
    return {
        "name": "bsrnn",
        "channels": args.get("feature_dim", 128),
        "num_blocks": args.get("num_repeat", 6),
        **stft_section(args.get("win", 512), args.get("stride", 128), sample_rate),
    }


def tf_map(args: Mapping[str, Any], where: str) -> str | None:
    """Our name of BSRNN_Feats' `spectral_feat`.

    Raises:
        ModelFileError: If there is no such feature, or the class itself fails with these arguments.
    """
    if args["multi_fuse"] and str(args["spk_fuse_type"]).startswith("cross_"):
        raise ModelFileError(
            f"{where}: multi_fuse: only false goes with spk_fuse_type {args['spk_fuse_type']!r}"
        )
    feature = args["spectral_feat"]
    if feature not in _TF_MAPS:
        raise ModelFileError(
            f"{where}: spectral_feat: expected {', '.join(map(repr, _TF_MAPS))}, got {feature!r}"
        )
    return _TF_MAPS[feature]


def weights(
    args: Mapping[str, Any], state: Mapping[str, Tensor], model: TSEModel, where: str
) -> dict[str, Tensor]:
    """The tensors of separator and fusions under our names."""
    assert isinstance(model.separator, BSRNN)
    # Blocks, and a fusion before the first of them, or before each: the list has them in turn.
    is_multiple = args.get("multi_fuse", True)
    num_fusions = len(model.fusions)

    def number(match: re.Match[str]) -> int:
        place = int(match["place"])
        return place // 2 if is_multiple and num_fusions else max(0, place - num_fusions)

    layers = r"separator\.separation\.(?P<place>\d+)"
    rnns = {"band_rnn": "along_time", "band_comm": "along_bands"}
    parts = {"norm": "", "rnn": "rnn.", "proj": "projection."}

    def of_block(match: re.Match[str]) -> str:
        rnn, part = rnns[match["rnn"]], parts[match["part"]]
        return f"separator.blocks.{number(match)}.{rnn}.{part}{match['rest']}"

    within = ".fusion" if model.hears_frames else ""
    rules = [
        Rule(rf"{layers}\.(?P<rnn>band_rnn|band_comm)\.(?P<part>\w+)\.(?P<rest>\w+)", of_block),
        *fusion_rules(layers, lambda match: f"fusions.{number(match)}{within}"),
        # What the only fusion attends by.
        Rule(r"separator\.attenFuse\.0\.(?P<rest>\w+)", r"fusions.0.project.\g<rest>"),
        Rule(
            r"separator\.attenFuse\.1\.multihead_attn\.(?P<rest>.+)",
            r"fusions.0.attention.\g<rest>",
        ),
    ]
    in_bands = {key: value for key, value in state.items() if key.startswith(("BN.", "mask."))}
    others = {key: value for key, value in state.items() if key not in in_bands}
    return {**translated(others, rules, where), **_bands(in_bands, model.separator)}


def _bands(state: Mapping[str, Tensor], separator: BSRNN) -> dict[str, Tensor]:
    """What each published band has for itself, stacked for the bands of each width."""
    ours: dict[str, Tensor] = {}

    def stack(name: str, published: str, bands: range) -> None:
        for part in ("weight", "bias"):
            keys = [f"{published.format(band)}.{part}" for band in bands]
            if any(key not in state for key in keys):
                continue  # told of as missing when our model is loaded
            values = torch.stack([state[key] for key in keys])
            # Of (bands, out, in, 1) for a convolution, else (bands, channels).
            ours[f"separator.{name}.{part}"] = (
                values.squeeze(-1) if values.ndim == 4 else values.unsqueeze(-1)
            )

    first = 0
    for group, (count, _) in enumerate(separator.split.widths):
        bands = range(first, first + count)
        first += count
        stack(f"split.layers.{group}.0", "BN.{}.0", bands)
        stack(f"split.layers.{group}.1", "BN.{}.1", bands)
        stack(f"masks.heads.{group}", "mask.{}.5", bands)
    for layer in (0, 1, 3):
        stack(f"masks.hidden.{layer}", f"mask.{{}}.{layer}", range(first))
    return ours
