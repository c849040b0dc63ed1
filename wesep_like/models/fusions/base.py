"""What every fusion is: a layer that lets a cue steer features of any layout."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from wesep_like.config.registry import Registry
from wesep_like.models.cue import SpeakerCue


class Fusion(nn.Module, ABC):
    """Steers features by a cue; the shape stays.

    Channels are second and time is last, anything between is position, so one class serves
    (batch, channels, frames) and (batch, channels, bands, frames) alike.

    Attributes:
        hears_frames: Whether it asks for the frames of the cue.
    """

    hears_frames: ClassVar[bool] = False

    @abstractmethod
    def forward(self, features: Tensor, cue: SpeakerCue) -> Tensor:
        """Features (batch, channels, *positions) -> the same shape."""


class VectorFusion(Fusion):
    """Steers features by a vector: by default the embedding, the same at every position."""

    def forward(self, features: Tensor, cue: SpeakerCue) -> Tensor:
        """Features (batch, channels, *positions) -> the same shape."""
        assert cue.embedding is not None
        ones = (1,) * (features.ndim - 2)
        return self.fuse(features, cue.embedding.reshape(*cue.embedding.shape, *ones))

    @abstractmethod
    def fuse(self, features: Tensor, vectors: Tensor) -> Tensor:
        """Features steered by vectors, each its own.

        Args:
            features: (batch, channels, *positions).
            vectors: (batch, embed, *positions), or 1 for positions that share one.
        """


def along_channels(layer: nn.Linear, x: Tensor) -> Tensor:
    """`layer` at every position: (batch, in, *positions) -> (batch, out, *positions)."""
    return layer(x.movedim(1, -1)).movedim(-1, 1)


FUSIONS: Registry[Fusion] = Registry("fusion", Fusion)
"""Layers by which a cue steers features."""
