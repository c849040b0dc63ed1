"""What every fusion is: a layer that lets a cue steer features of any layout."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from wesep_like.config.registry import Registry
from wesep_like.models.cue import SpeakerCue


class Fusion(nn.Module, ABC):
    """Steers features by a cue; the shape stays.

    Channels are second and time is last, anything between is position, so one class serves
    (batch, channels, frames) and (batch, channels, bands, frames) alike.
    """

    @abstractmethod
    def forward(self, features: Tensor, cue: SpeakerCue) -> Tensor:
        """Features (batch, channels, *positions) -> the same shape."""


def over_positions(vector: Tensor, features: Tensor) -> Tensor:
    """`vector` (batch, channels), shaped to broadcast over the positions of `features`."""
    return vector.reshape(*vector.shape, *(1,) * (features.ndim - 2))


FUSIONS: Registry[Fusion] = Registry("fusion", Fusion)
