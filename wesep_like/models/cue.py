"""What an enrollment says about a speaker: the border between speaker modules and fusions."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class SpeakerCue:
    """What a speaker module tells a fusion.

    Attributes:
        embedding: One vector a speaker, (batch, embed).
        frames: One vector a frame of the enrollment, (batch, embed, cue_frames): the seam for
            modules without an embedding, whose fusions attend to the enrollment. None where there
            is none.
    """

    embedding: Tensor
    frames: Tensor | None = None
