"""No speaker encoder: the enrollment as the separator itself hears it."""

from __future__ import annotations

from torch import Tensor

from wesep_like.errors import ConfigError
from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.separators.base import Separator
from wesep_like.models.speakers.base import SPEAKERS, SpeakerModule


@SPEAKERS.register("usef")
class USEF(SpeakerModule):
    """What the separator's own encoder makes of the enrollment, frame by frame; nothing else.

    Goes with the fusions that attend to frames. It has no weights: its encoder belongs to the
    separator, and is saved and frozen with it.

    Args:
        separator: The model's separator.

    Source:
        Zeng and Li, "USEF-TSE: Universal Speaker Embedding Free Target Speaker Extraction", 2024.
    """

    shares_separator = True

    def __init__(self, separator: Separator) -> None:
        super().__init__()
        if separator.num_maps:
            raise ConfigError(
                f"name: {type(self).__name__.lower()!r} hears the enrollment through the "
                "separator's encoder, which takes a TF-map here. Expected another speaker module, "
                "or tf_map: null"
            )
        self.frame_dim = separator.input_dims[0]
        self.frame_positions = separator.position_dims[0] if separator.position_dims else None
        self.min_samples = separator.min_samples
        # A method, and no submodule: its weights would be listed twice.
        self._encode = separator.encode

    def forward(self, enrollment: Tensor) -> SpeakerCue:
        """The cue of `enrollment` (batch, samples)."""
        frames, _ = self._encode(enrollment)
        return SpeakerCue(frames=CueFrames(frames))
