"""Several fusions at one place."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from wesep_like.models.cue import SpeakerCue
from wesep_like.models.fusions.base import Fusion


class Chain(Fusion):
    """Fusions one after another; in a config a list of them."""

    def __init__(self, fusions: Iterable[Fusion]) -> None:
        super().__init__()
        self.fusions = nn.ModuleList(fusions)

    def forward(self, features: Tensor, cue: SpeakerCue) -> Tensor:
        """Features (batch, channels, *positions) -> the same shape."""
        for fusion in self.fusions:
            features = fusion(features, cue)
        return features
