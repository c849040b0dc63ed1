"""A frozen speaker module gives the same cue for the same enrollment: compute it once."""

from __future__ import annotations

import torch
from torch import Tensor

from wesep_like.data.batch import Batch
from wesep_like.models import SpeakerCue, TSEModel


class CueCache:
    """Embeddings of a frozen speaker module by the key of the enrollment.

    For enrollments that come again: whole utterances and fixed sets. Random crops never do.
    """

    def __init__(self) -> None:
        self._embeddings: dict[str, Tensor] = {}

    def cue(self, model: TSEModel, batch: Batch) -> SpeakerCue:
        """What `model.cue` says of the batch's enrollments."""
        for row, key in enumerate(batch.enrollment_keys):
            if key not in self._embeddings:
                # One at a time: which others stand in a batch would change the last bits, and a
                # resumed run meets an enrollment in another batch than the straight run did.
                alone = batch.enrollment[row : row + 1, : int(batch.enrollment_samples[row])]
                self._embeddings[key] = model.cue(alone).embedding[0].detach()
        return SpeakerCue(torch.stack([self._embeddings[key] for key in batch.enrollment_keys]))
