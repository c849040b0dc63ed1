"""Fusion by addition."""

from __future__ import annotations

from torch import Tensor, nn

from wesep_like.models.fusions.base import FUSIONS, VectorFusion, along_channels


@FUSIONS.register("add")
class Add(VectorFusion):
    """features + W embedding + b at every position."""

    def __init__(self, feature_dim: int, embed_dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(embed_dim, feature_dim)

    def fuse(self, features: Tensor, vectors: Tensor) -> Tensor:
        """Features (batch, channels, *positions) -> the same shape."""
        return features + along_channels(self.linear, vectors)
