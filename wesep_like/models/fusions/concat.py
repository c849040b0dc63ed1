"""Fusion by concatenation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wesep_like.models.cue import SpeakerCue
from wesep_like.models.fusions.base import FUSIONS, Fusion, over_positions


@FUSIONS.register("concat")
class Concat(Fusion):
    """W [features; embedding] + b at every position.

    The embedding is the same at every position, so its half of the product is computed once.
    """

    def __init__(self, feature_dim: int, embed_dim: int) -> None:
        super().__init__()
        self.feature_dim = feature_dim
        self.linear = nn.Linear(feature_dim + embed_dim, feature_dim)

    def forward(self, features: Tensor, cue: SpeakerCue) -> Tensor:
        """Features (batch, channels, *positions) -> the same shape."""
        of_features = self.linear.weight[:, : self.feature_dim]
        of_embedding = self.linear.weight[:, self.feature_dim :]
        bias = nn.functional.linear(cue.embedding, of_embedding, self.linear.bias)
        fused = torch.einsum("oc,bc...->bo...", of_features, features)
        return fused + over_positions(bias, features)
