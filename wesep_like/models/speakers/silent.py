"""The speaker module of a model that wants none."""

from __future__ import annotations

from torch import Tensor

from wesep_like.models.cue import SpeakerCue
from wesep_like.models.speakers.base import SpeakerModule


class SilentModule(SpeakerModule):
    """Says nothing: for models that know the speaker by a TF-map only (`speaker: null`)."""

    min_samples = 1

    def forward(self, enrollment: Tensor) -> SpeakerCue:
        """An empty cue."""
        return SpeakerCue()
