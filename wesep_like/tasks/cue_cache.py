"""A frozen speaker module gives the same cue for the same enrollment: compute it once."""

from __future__ import annotations

from wesep_like.data.batch import Batch
from wesep_like.models import SpeakerCue, TSEModel


class CueCache:
    """Cues of a frozen speaker module by the key of the enrollment.

    For enrollments that come again: whole utterances and fixed sets. Random crops never do. Cues
    that hold frames are large, and are not kept.
    """

    def __init__(self) -> None:
        self._cues: dict[str, SpeakerCue] = {}

    def cue(self, model: TSEModel, batch: Batch) -> SpeakerCue:
        """What `model.cue` says of the batch's enrollments."""
        rows = []
        for row, key in enumerate(batch.enrollment_keys):
            cue = self._cues.get(key)
            if cue is None:
                # One at a time: which others stand in a batch would change the last bits, and a
                # resumed run meets an enrollment in another batch than the straight run did.
                alone = batch.enrollment[row : row + 1, : int(batch.enrollment_samples[row])]
                cue = model.cue(alone).detach()
                if not cue.has_frames:
                    self._cues[key] = cue
            rows.append(cue)
        return SpeakerCue.stacked(rows)
