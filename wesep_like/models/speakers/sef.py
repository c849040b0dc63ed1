"""No speaker encoder: the enrollment as each block of the separator hears it."""

from __future__ import annotations

from torch import Tensor

from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.separators.base import Separator
from wesep_like.models.speakers.base import SPEAKERS
from wesep_like.models.speakers.usef import USEF


@SPEAKERS.register("sef")
class SEF(USEF):
    """What comes to each block of the separator when it hears the enrollment: a level a block.

    Where USEF tells every fusion of what the encoder makes of the enrollment, here the fusion
    before a block is told of what the encoder and the blocks before it make of it, so that features
    of one kind meet. Goes with the fusions that attend to frames, before every block. It has no
    weights.

    Args:
        separator: The model's separator.

    Source:
        Zeng, Suo, Wan and Li, "SEF-Net: Speaker Embedding Free Target Speaker Extraction Network",
        Interspeech 2023, where mixture and enrollment pass side by side through layers of one kind.
        Deviation: the layers are the separator's own, which both share.
    """

    def __init__(self, separator: Separator) -> None:
        super().__init__(separator)
        self._dims = separator.input_dims
        self._positions = separator.position_dims
        self._block_inputs = separator.block_inputs

    def frame_sizes(self, number: int) -> tuple[int | None, int | None]:
        """See `SpeakerModule.frame_sizes`."""
        return self._dims[number], self._positions[number] if self._positions else None

    def forward(self, enrollment: Tensor) -> SpeakerCue:
        """The cue of `enrollment` (batch, samples)."""
        return SpeakerCue(levels=tuple(map(CueFrames, self._block_inputs(enrollment))))
