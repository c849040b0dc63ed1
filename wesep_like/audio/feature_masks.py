"""Stretches of features that are not heard."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class FeatureMasks:
    """Masks for a batch of features, in shares, so that they fit features of any size.

    Args:
        time: Where each begins and ends among the frames, (batch, masks, 2).
        frequency: The same among the bins.

    Source:
        Park et al., "SpecAugment", Interspeech 2019.
    """

    time: Tensor
    frequency: Tensor

    def rows(self, rows: list[int]) -> FeatureMasks:
        """Those of some items of the batch."""
        return FeatureMasks(self.time[rows], self.frequency[rows])

    def laid_over(self, features: Tensor) -> Tensor:
        """Features (batch, bins, frames) with zeros, which is their mean, where a mask is."""
        bins, frames = features.shape[-2:]
        is_masked = (
            _is_masked(self.frequency, bins)[:, :, None] | _is_masked(self.time, frames)[:, None, :]
        )
        return features.masked_fill(is_masked, 0.0)


def _is_masked(masks: Tensor, size: int) -> Tensor:
    """(batch, size) bool: whether the middle of each place lies in a mask."""
    places = (torch.arange(size, device=masks.device, dtype=masks.dtype) + 0.5) / size
    is_inside = (places >= masks[..., :1]) & (places < masks[..., 1:])  # (batch, masks, size)
    return is_inside.any(dim=1)
