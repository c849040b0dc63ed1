"""A frozen speaker module gives the same cue for the same enrollment: compute it once."""

from __future__ import annotations

import torch
from torch import Tensor

from wesep_like.data.batch import Batch
from wesep_like.models import SpeakerCue, TSEModel

# Beyond this many the cache starts anew, so that randomly cropped enrollments cannot fill the memory.
_MAX_ENTRIES = 200_000


class CueCache:
    """The cues of a batch, from memory where the speaker module is frozen and has heard the clip."""

    def __init__(self) -> None:
        self._embeddings: dict[str, Tensor] = {}

    def cue(self, model: TSEModel, batch: Batch) -> SpeakerCue:
        """What `model.cue` says of the batch's enrollments."""
        if not model.is_speaker_frozen:
            return model.cue(batch.enrollment, batch.enrollment_samples)
        new = [
            row for row, key in enumerate(batch.enrollment_keys) if key not in self._embeddings
        ]
        if len(self._embeddings) + len(new) > _MAX_ENTRIES:
            self._embeddings.clear()
            new = list(range(len(batch.enrollment_keys)))
        if new:
            found = model.cue(batch.enrollment[new], batch.enrollment_samples[new]).embedding
            for row, embedding in zip(new, found, strict=True):
                self._embeddings[batch.enrollment_keys[row]] = embedding.detach()
        return SpeakerCue(torch.stack([self._embeddings[key] for key in batch.enrollment_keys]))
