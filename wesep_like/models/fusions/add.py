"""Fusion by addition."""

from __future__ import annotations

from torch import Tensor, nn

from wesep_like.models.cue import SpeakerCue
from wesep_like.models.fusions.base import FUSIONS, Fusion, over_positions


@FUSIONS.register("add")
class Add(Fusion):
    """features + W embedding + b at every position."""

    def __init__(self, feature_dim: int, embed_dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(embed_dim, feature_dim)

    def forward(self, features: Tensor, cue: SpeakerCue) -> Tensor:
        """Features (batch, channels, *positions) -> the same shape."""
        return features + over_positions(self.linear(cue.embedding), features)
