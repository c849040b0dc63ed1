"""What every separator is: a network cut open at its blocks, which knows nothing of speakers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

from wesep_like.config.registry import Registry
from wesep_like.errors import ConfigError
from wesep_like.models.separators.streams import Stream

Steer = Callable[[Tensor], Tensor]
"""Steers features (batch, channels, *positions); the shape stays."""


def unsteered(number: int, features: Tensor) -> Tensor:
    """The features themselves, whatever the number of the block."""
    return features


class Separator(nn.Module, ABC):
    """Takes mixtures apart.

    `encode`, then every block, then `decode`. At every block there is one place where something may
    steer the features: before it, unless the separator says otherwise. Run straight through, the
    separator is an ordinary enhancement or separation model.

    Attributes:
        blocks: The blocks.
        feature_dims: Width of the channel axis where features may be steered, one a block.
        frequency_dims: Width of the axis after it, where that holds bands or bins, one a block;
            empty where the features have no such axis.
        num_maps: How many pictures `encode` takes beside the mixture.
        num_estimates: How many estimates `decode` makes.
        min_samples: The shortest mixture that it can take.
    """

    blocks: nn.ModuleList
    feature_dims: Sequence[int]
    frequency_dims: Sequence[int] = ()
    num_maps: int = 0
    num_estimates: int = 1
    min_samples: int

    @property
    def input_dims(self) -> Sequence[int]:
        """Width of the channel axis of what goes in to each block: first, what `encode` returns."""
        return self.feature_dims

    @property
    def position_dims(self) -> Sequence[int]:
        """Width of the axis between channels and frames, one a block; empty where there is none."""
        return self.frequency_dims

    @abstractmethod
    def encode(self, mixture: Tensor, maps: Tensor | None = None) -> tuple[Tensor, Any]:
        """Mixture -> features (batch, channels, *positions) and context.

        Args:
            mixture: (batch, samples).
            maps: As large as the mixture's spectrum, (batch, num_maps, bins, frames); None where
                `num_maps` is 0.
        """

    def run_block(self, number: int, features: Tensor, context: Any, steer: Steer) -> Tensor:
        """What block `number` makes of features, which `steer` is asked to steer on the way.

        Args:
            number: Of the block, from 0.
            features: What `encode` or the block before returned.
            context: What `encode` returned beside the features; a block may leave there what
                `decode` wants to know.
            steer: To be called once.
        """
        return self.blocks[number](steer(features))

    def block_inputs(self, mixture: Tensor) -> list[Tensor]:
        """What goes in to each block, when nothing steers: (batch, channels, *positions) each.

        Args:
            mixture: (batch, samples).
        """
        features, context = self.encode(mixture)
        inputs = [features]
        for number in range(len(self.blocks) - 1):
            features = self.run_block(number, features, context, partial(unsteered, number))
            inputs.append(features)
        return inputs

    @abstractmethod
    def decode(self, features: Tensor, context: Any) -> Tensor:
        """Features and context -> estimates (batch, estimates, samples); [:, 0] is the answer."""

    def stream(self, steer: Callable[[int, Tensor], Tensor] = unsteered) -> Stream:
        """What takes a mixture in pieces, and gives the estimate as `forward` would in one piece.

        Args:
            steer: See `forward`.

        Raises:
            ConfigError: If the separator hears what comes later, or has not learnt to stream.
        """
        raise ConfigError(
            f"{type(self).__name__} takes a mixture in one piece only. "
            "A separator that streams is bsrnn with causal: true"
        )

    def forward(
        self,
        mixture: Tensor,
        steer: Callable[[int, Tensor], Tensor] = unsteered,
        maps: Tensor | None = None,
    ) -> Tensor:
        """Mixture (batch, samples) -> estimates (batch, estimates, samples).

        Args:
            mixture: At least `min_samples` long.
            steer: Takes the number of a block and the features there.
            maps: See `encode`.
        """
        features, context = self.encode(mixture, maps)
        for number in range(len(self.blocks)):
            features = self.run_block(number, features, context, partial(steer, number))
        return self.decode(features, context)


SEPARATORS: Registry[Separator] = Registry("separator", Separator)
"""Networks that take mixtures apart."""
