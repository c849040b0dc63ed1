"""A mixture of Gaussians, and what frames say of it."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Statistics(NamedTuple):
    """What the frames of each utterance say of each component: Baum-Welch statistics.

    Attributes:
        counts: How many frames are of it, (batch, components).
        sums: How far they all are from its mean, in its deviations, (batch, components, channels).
    """

    counts: Tensor
    sums: Tensor


class DiagonalGMM(nn.Module):
    """A mixture of Gaussians whose channels are independent in each component.

    Args:
        num_components: How many.
        num_channels: Of a frame.

    Attributes:
        weights: (components,), which add up to 1.
        means: (components, channels).
        variances: (components, channels).
    """

    weights: Tensor
    means: Tensor
    variances: Tensor

    def __init__(self, num_components: int, num_channels: int) -> None:
        super().__init__()
        # Not to be of use before it is trained, but no two components alike.
        self.register_buffer("weights", torch.full((num_components,), 1 / num_components))
        self.register_buffer("means", torch.randn(num_components, num_channels))
        self.register_buffer("variances", torch.ones(num_components, num_channels))

    def log_joint(self, frames: Tensor) -> Tensor:
        """Log density of each frame together with each component.

        (*batch, frames, channels) -> (*batch, frames, components)
        """
        precisions = 1 / self.variances
        scaled = self.means * precisions
        constant = self.weights.log() - 0.5 * (
            (self.means * scaled).sum(1)
            + self.variances.log().sum(1)
            + self.means.shape[1] * math.log(2 * math.pi)
        )
        squares = frames.square() @ (-0.5 * precisions).T
        return squares + frames @ scaled.T + constant

    def statistics(self, frames: Tensor, is_heard: Tensor) -> Statistics:
        """What (batch, frames, channels) say, those of (batch, frames) that are heard."""
        shares = self.log_joint(frames).softmax(-1) * is_heard[..., None]
        counts = shares.sum(1)
        sums = shares.transpose(1, 2) @ frames - counts[..., None] * self.means
        return Statistics(counts, sums / self.variances.sqrt())
