"""MoCo: a crop finds the other crop of its utterance in a queue of earlier ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from wesep_like.config.sections import check_sizes
from wesep_like.data.crops import CropBatch
from wesep_like.losses.self_supervised import queue_contrast
from wesep_like.tasks.gathered import gathered_tensors
from wesep_like.tasks.self_supervised.method import (
    METHODS,
    PROJECTION,
    Embed,
    Method,
    ProjectionOptions,
    check_momenta,
    check_temperatures,
    follower_of,
    projection,
)


@METHODS.register("moco")
class MoCo(Method):
    """The student hears the query, and is kept; the teacher, which follows it, hears the key.

    The queue, random at first, gets the keys of all processes after each step.

    Args:
        embed_dim: Width of an embedding.
        temperature: What cosines are divided by.
        queue_size: Keys that are remembered.
        momentum: What the teacher keeps of its weights at each step.
        head: Stands on each encoder; null: embeddings themselves are compared, as in WeSpeaker.

    Source:
        He et al., "Momentum Contrast for Unsupervised Visual Representation Learning", CVPR 2020;
        the head is of Chen et al., "Improved Baselines with Momentum Contrastive Learning", 2020.
        Deviation: BatchNorm sees the batch of its process, which is not shuffled among them.
    """

    has_teacher = True
    num_crops = 2

    queue: Tensor
    place: Tensor

    def __init__(
        self,
        embed_dim: int,
        *,
        temperature: float = 0.07,
        queue_size: int = 65536,
        momentum: float = 0.999,
        head: ProjectionOptions | None = PROJECTION,
    ) -> None:
        check_sizes(queue_size=queue_size)
        check_temperatures(temperature=temperature)
        check_momenta(momentum=momentum)
        super().__init__()
        self.temperature = temperature
        self._momentum = momentum
        self.head, out_dim = projection(head, embed_dim)
        self.teacher_head = follower_of(self.head)
        self.register_buffer("queue", normalize(torch.randn(queue_size, out_dim), dim=-1))
        self.register_buffer("place", torch.zeros((), dtype=torch.long))  # of the oldest key
        self._keys: list[Tensor] = []  # of the step's batches

    def losses(
        self, batch: CropBatch, student: Embed, teacher: Embed, step: int
    ) -> dict[str, Tensor]:
        """See the base."""
        first, second = batch.single()
        query = self.head(student([first])[0])
        with torch.no_grad():
            key = self.teacher_head(teacher([second])[0])
        self._keys.append(normalize(key.float(), dim=-1))
        return {"loss": queue_contrast(query, key, self.queue, self.temperature)}

    def momentum(self, step: int, num_steps: int) -> float:
        """See the base."""
        return self._momentum

    def after_step(self, *, is_taken: bool) -> None:
        """The step's keys take the places of the oldest."""
        keys, self._keys = self._keys, []
        if not is_taken:
            return
        new = torch.cat([gathered_tensors(of_batch).flatten(0, 1) for of_batch in keys])
        size = len(self.queue)
        new = new[-size:]
        places = (self.place + torch.arange(len(new), device=new.device)) % size
        self.queue[places] = new
        self.place.copy_((self.place + len(new)) % size)
