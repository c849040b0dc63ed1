"""Fusion by concatenation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wesep_like.models.fusions.base import FUSIONS, VectorFusion


@FUSIONS.register("concat")
class Concat(VectorFusion):
    """W [features; embedding] + b at every position.

    An embedding is the same at every position, so its half of the product is computed once.
    """

    def __init__(self, feature_dim: int, embed_dim: int) -> None:
        super().__init__()
        self.feature_dim = feature_dim
        self.linear = nn.Linear(feature_dim + embed_dim, feature_dim)

    def fuse(self, features: Tensor, vectors: Tensor) -> Tensor:
        """Features (batch, channels, *positions) -> the same shape."""
        of_features = self.linear.weight[:, : self.feature_dim]
        of_vectors = self.linear.weight[:, self.feature_dim :]
        said = nn.functional.linear(vectors.movedim(1, -1), of_vectors, self.linear.bias)
        fused = torch.einsum("oc,bc...->bo...", of_features, features)
        return fused + said.movedim(-1, 1)
