"""Fusion by feature-wise linear modulation (FiLM)."""

from __future__ import annotations

from torch import Tensor, nn

from wesep_like.models.fusions.base import FUSIONS, VectorFusion, along_channels


@FUSIONS.register("film")
class FiLM(VectorFusion):
    """(1 + gamma) * features + beta, with gamma and beta linear in the embedding.

    Both start at zero: an untrained FiLM is the identity.

    Source:
        Perez et al., "FiLM: Visual Reasoning with a General Conditioning Layer", AAAI 2018, eq. 2.
    """

    def __init__(self, feature_dim: int, embed_dim: int) -> None:
        super().__init__()
        self.gamma = nn.Linear(embed_dim, feature_dim)
        self.beta = nn.Linear(embed_dim, feature_dim)
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def fuse(self, features: Tensor, vectors: Tensor) -> Tensor:
        """Features (batch, channels, *positions) -> the same shape."""
        gamma = along_channels(self.gamma, vectors)
        return (1 + gamma) * features + along_channels(self.beta, vectors)
