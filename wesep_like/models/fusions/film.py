"""Fusion by feature-wise linear modulation (FiLM)."""

from __future__ import annotations

from torch import Tensor, nn

from wesep_like.models.cue import SpeakerCue
from wesep_like.models.fusions.base import FUSIONS, Fusion, over_positions


@FUSIONS.register("film")
class FiLM(Fusion):
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

    def forward(self, features: Tensor, cue: SpeakerCue) -> Tensor:
        """Features (batch, channels, *positions) -> the same shape."""
        gamma = over_positions(self.gamma(cue.embedding), features)
        beta = over_positions(self.beta(cue.embedding), features)
        return (1 + gamma) * features + beta
