"""Fusion by multiplication."""

from __future__ import annotations

from torch import Tensor, nn

from wesep_like.models.fusions.base import FUSIONS, VectorFusion, along_channels


@FUSIONS.register("multiply")
class Multiply(VectorFusion):
    """features * (W embedding + b) at every position.

    The bias starts at 1, so that a stack of these passes features on at the start of training
    instead of shrinking them block by block.
    """

    def __init__(self, feature_dim: int, embed_dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(embed_dim, feature_dim)
        nn.init.ones_(self.linear.bias)

    def fuse(self, features: Tensor, vectors: Tensor) -> Tensor:
        """Features (batch, channels, *positions) -> the same shape."""
        return features * along_channels(self.linear, vectors)
