"""WeSep's DPCCN -> ours, whose pictures have frequency before time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from wesep_like.errors import ModelFileError
from wesep_like.interop.names import Rule, frequency_first, stft_section, translated
from wesep_like.interop.wesep_fusions import fusion_rules
from wesep_like.models import TSEModel


def separator_section(args: Mapping[str, Any], sample_rate: int, where: str) -> dict[str, Any]:
    """The config section of our separator.

    Raises:
        ModelFileError: For a causal one, whose norms hear the whole mixture nevertheless.
    """
    if args.get("causal"):
        raise ModelFileError(f"{where}: causal: only false is known")
    return {
        "name": "dpccn",
        "tcn_dim": args.get("tcn_dims", 384),
        "num_tcns": args.get("tcn_layers", 2),
        "num_tcn_layers": args.get("tcn_blocks", 10),
        "pool_sizes": list(args.get("pool_size", (4, 8, 16, 32))),
        **stft_section(args.get("win", 512), args.get("stride", 128), sample_rate),
        "normalize_level": False,
    }


def weights(
    args: Mapping[str, Any], state: Mapping[str, Tensor], model: TSEModel, where: str
) -> dict[str, Tensor]:
    """The tensors of separator and fusion under our names."""
    part = r"\.(?P<part>weight|bias)"

    def picture(published: str, ours: str, shift: int = 0, dense_shift: int = 0) -> Rule:
        """A convolution; its number i, and k in a dense block, are `shift`ed to ours."""

        def name(match: Any) -> str:
            numbers = {key: int(value) for key, value in match.groupdict().items() if key in "ik"}
            shifted = {"i": numbers.get("i", 0) + shift, "k": numbers.get("k", 0) + dense_shift}
            return f"separator.{ours.format(**shifted)}.{match['part']}"

        return Rule(published + part, name, frequency_first)

    dense = r"conv(?P<k>\d)\.conv2d"
    rules = [
        picture(r"conv2d", "conv"),
        picture(rf"encoder\.0\.{dense}", "dense.layers.{k}.conv", dense_shift=-1),
        picture(r"encoder\.(?P<i>[1-4])\.0\.conv2d", "blocks.0.layers.{i}.0.conv", -1),
        picture(
            rf"encoder\.(?P<i>[1-4])\.1\.{dense}", "blocks.0.layers.{i}.1.layers.{k}.conv", -1, -1
        ),
        picture(r"encoder\.(?P<i>[5-7])\.conv2d", "blocks.0.layers.{i}.0.conv", -1),
        # The norm behind it takes this bias out again.
        Rule(r"tcn_layers\.\d+\.\d+\.dconv1\.bias", None),
        picture(
            r"tcn_layers\.(?P<i>\d+)\.(?P<k>\d+)\.dconv1", "blocks.{i}.layers.{k}.depthwise", 1
        ),
        picture(
            r"tcn_layers\.(?P<i>\d+)\.(?P<k>\d+)\.dconv2", "blocks.{i}.layers.{k}.pointwise", 1
        ),
        picture(r"decoder\.(?P<i>[0-2])\.convtrans2d", "up.narrow.{i}.conv"),
        picture(rf"decoder\.(?P<i>[3-6])\.0\.{dense}", "up.dense.{i}.layers.{k}.conv", -3, -1),
        picture(r"decoder\.(?P<i>[3-6])\.1\.convtrans2d", "up.widen.{i}.conv", -3),
        picture(rf"decoder\.7\.{dense}", "up.last.layers.{k}.conv", dense_shift=-1),
        picture(r"avg_pool\.(?P<i>\d+)\.1", "pyramid.layers.{i}"),
        picture(r"avg_proj", "pyramid.project"),
        picture(r"deconv2d", "deconv"),
        *fusion_rules("spk_fuse", lambda _: "fusions.0"),
    ]
    return translated(state, rules, where)
