"""A batch seen as speakers with several utterances each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Groups:
    """The items whose speaker is known and has another in the batch.

    Attributes:
        embedding: (items, embed), in full precision.
        group: Of which speaker each is, (items,), from 0.
        sizes: Items of each speaker, (speakers,); at least 2.
        sums: Of their embeddings, (speakers, embed).
    """

    embedding: Tensor
    group: Tensor
    sizes: Tensor
    sums: Tensor

    @property
    def num(self) -> int:
        """Speakers."""
        return len(self.sizes)

    def last(self) -> Tensor:
        """The place of the last item of each speaker, (speakers,)."""
        places = torch.arange(len(self.group), device=self.group.device)
        return places.new_zeros(self.num).scatter_reduce(0, self.group, places, "amax")


def grouped(embedding: Tensor, speakers: Tensor) -> Groups:
    """Groups of a batch.

    Args:
        embedding: (batch, embed).
        speakers: (batch,), each an index or -1 for unknown.
    """
    _, place, counts = speakers.unique(return_inverse=True, return_counts=True)
    is_kept = (speakers >= 0) & (counts[place] > 1)
    kept = embedding[is_kept].float()
    names, group, sizes = speakers[is_kept].unique(return_inverse=True, return_counts=True)
    sums = kept.new_zeros(len(names), embedding.shape[-1]).index_add(0, group, kept)
    return Groups(kept, group, sizes, sums)


def nothing(embedding: Tensor, loss: nn.Module) -> Tensor:
    """The loss of a batch with nothing to compare: 0, of which each weight has the gradient 0.

    Without one, a process would wait for gradients that this one does not send.
    """
    return 0 * sum((weight.sum() for weight in loss.parameters()), embedding.float().sum())
