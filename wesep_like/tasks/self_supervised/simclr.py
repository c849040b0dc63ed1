"""SimCLR: two crops of an utterance find each other in a batch."""

from __future__ import annotations

from torch import Tensor, distributed

from wesep_like.data.crops import CropBatch
from wesep_like.losses.self_supervised import nt_xent
from wesep_like.tasks.gathered import are_several, gathered_tensors
from wesep_like.tasks.self_supervised.method import (
    METHODS,
    PROJECTION,
    Embed,
    Method,
    ProjectionOptions,
    check_temperatures,
    projection,
)


@METHODS.register("simclr")
class SimCLR(Method):
    """The crops of all processes are told apart; of accumulated batches, each by itself.

    Args:
        embed_dim: Width of an embedding.
        temperature: What cosines are divided by.
        head: Stands on the encoder; null: embeddings themselves are compared, as in WeSpeaker.

    Source:
        Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML
        2020; of speakers, Zhang et al., "Contrastive self-supervised learning for text-independent
        speaker verification", ICASSP 2021.
    """

    num_crops = 2
    compares_batch = True

    def __init__(
        self,
        embed_dim: int,
        *,
        temperature: float = 0.1,
        head: ProjectionOptions | None = PROJECTION,
    ) -> None:
        check_temperatures(temperature=temperature)
        super().__init__()
        self.temperature = temperature
        self.head, _ = projection(head, embed_dim)

    def losses(
        self, batch: CropBatch, student: Embed, teacher: Embed, step: int
    ) -> dict[str, Tensor]:
        """See the base."""
        pairs = self.head(student(batch.lengths))
        others = gathered_tensors(pairs).transpose(0, 1).flatten(1, 2)
        rank = distributed.get_rank() if are_several() else 0
        return {"loss": nt_xent(pairs, self.temperature, others, rank * pairs.shape[1])}
