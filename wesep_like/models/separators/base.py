"""What every separator is: a network cut open at its blocks, which knows nothing of speakers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

from wesep_like.config.registry import Registry


class Separator(nn.Module, ABC):
    """Takes mixtures apart.

    `encode`, then every block, then `decode`. A fusion may stand before any block; run straight
    through, the separator is an ordinary enhancement or separation model.

    Attributes:
        feature_dim: Width of the channel axis between blocks.
        blocks: The blocks; each keeps the shape of its input.
        min_samples: The shortest mixture that it can take.
    """

    feature_dim: int
    blocks: nn.ModuleList
    min_samples: int

    @abstractmethod
    def encode(self, mixture: Tensor) -> tuple[Tensor, Any]:
        """Mixture (batch, samples) -> features (batch, channels, *positions) and context."""

    @abstractmethod
    def decode(self, features: Tensor, context: Any) -> Tensor:
        """Features and context -> estimates (batch, estimates, samples); [:, 0] is the answer."""


SEPARATORS: Registry[Separator] = Registry("separator", Separator)
