"""Normalisation of features (batch, channels, *positions)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

NormName = Literal["global", "channel", "batch"]


class ChannelNorm(nn.Module):
    """Normalises every position by itself, over its channels (cLN): causal.

    Source:
        The channel-wise layer norm of SpEx+ and WeSep. That of the Conv-TasNet paper is cumulative.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, *positions) -> the same shape."""
        return self.norm(x.movedim(1, -1)).movedim(-1, 1)


def build_norm(name: NormName, channels: int) -> nn.Module:
    """The norm called `name`: `global` over channels and positions (gLN), `channel` or `batch`."""
    if name == "global":
        return nn.GroupNorm(1, channels)
    if name == "channel":
        return ChannelNorm(channels)
    return nn.BatchNorm1d(channels)
