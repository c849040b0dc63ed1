"""Tensors of 3D-Speaker's encoders -> the names of WeSpeaker, which are ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

_CONVOLUTION = re.compile(r"(.+)\.(conv|bn)s\.(\d+)\.(.+)")


def wespeaker_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`state` under WeSpeaker's names, which differ in ERes2Net only.

    In its blocks with fusions WeSpeaker has the first convolution apart from the list of the
    others, `conv2_1` and `bn2_1`; 3D-Speaker has all in the list.
    """
    blocks = {key.split(".fuse_models.")[0] for key in state if ".fuse_models." in key}
    blocks = {block for block in blocks if f"{block}.conv2_1.weight" not in state}

    def renamed(key: str) -> str:
        match = _CONVOLUTION.fullmatch(key)
        if match is None or match[1] not in blocks:
            return key
        block, kind, number, rest = match.groups()
        place = f"{kind}2_1" if number == "0" else f"{kind}s.{int(number) - 1}"
        return f"{block}.{place}.{rest}"

    return {renamed(key): value for key, value in state.items()}
