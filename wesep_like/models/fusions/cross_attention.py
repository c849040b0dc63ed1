"""Fusion with what attention finds in the frames of the enrollment."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from wesep_like.config.sections import check_sizes
from wesep_like.errors import ConfigError
from wesep_like.models.cue import SpeakerCue
from wesep_like.models.fusions.add import Add
from wesep_like.models.fusions.base import FUSIONS, Fusion, VectorFusion
from wesep_like.models.fusions.concat import Concat
from wesep_like.models.fusions.film import FiLM
from wesep_like.models.fusions.multiply import Multiply

FuseName = Literal["add", "concat", "film", "multiply"]
_FUSE: dict[FuseName, type[Add | Concat | FiLM | Multiply]] = {
    "add": Add,
    "concat": Concat,
    "film": FiLM,
    "multiply": Multiply,
}


@FUSIONS.register("cross_attention")
class CrossAttention(Fusion):
    """Each frame of the mixture attends to the frames of the enrollment, and is fused with that.

    Frames of an encoder are the same for every band or bin of the features; where the frames have
    bands or bins of their own, each attends to its own. In chunks, it is each place in a chunk.

    Args:
        feature_dim: Channels of the features.
        frame_dim: Channels of the speaker module's frames.
        num_positions: Bands or bins of the features; 1 if they have none.
        frame_positions: Bands or bins of the speaker module's frames; None if they have none.
        num_heads: Of the attention; a divisor of the features' channels.
        fuse: How features and what was found are fused, position by position.

    Source:
        The contextual embedding of WeSep's BSRNN_Feats; Zeng and Li, "USEF-TSE: Universal Speaker
        Embedding Free Target Speaker Extraction", 2024, where the frames are the separator's own.
    """

    hears_frames = True

    def __init__(
        self,
        feature_dim: int,
        frame_dim: int,
        num_positions: int = 1,
        frame_positions: int | None = None,
        *,
        num_heads: int = 2,
        fuse: FuseName = "film",
    ) -> None:
        super().__init__()
        check_sizes(num_heads=num_heads)
        if feature_dim % num_heads:
            raise ConfigError(
                f"num_heads: expected a divisor of {feature_dim}, the channels of the features, "
                f"got {num_heads}"
            )
        if frame_positions is not None and frame_positions != num_positions:
            raise ConfigError(
                f"name: attends band by band, and there are {num_positions} bands or bins here but "
                f"{frame_positions} in the frames of the speaker module. Expected fuse_before: "
                "first, or the speaker module 'sef'"
            )
        self.project = nn.Linear(frame_dim, feature_dim)
        self.attention = nn.MultiheadAttention(feature_dim, num_heads, batch_first=True)
        self.fusion: VectorFusion = _FUSE[fuse](feature_dim, feature_dim)

    def forward(self, features: Tensor, cue: SpeakerCue) -> Tensor:
        """Features (batch, channels, *positions, frames) -> the same shape."""
        return self.fusion.fuse(features, self.find(features, cue).movedim(-1, 1))

    def find(self, features: Tensor, cue: SpeakerCue) -> Tensor:
        """What features find of the cue, (batch, *positions, frames, channels).

        Args:
            features: (batch, channels, *positions, frames).
        """
        assert cue.frames is not None
        frames, padding = cue.frames.values, cue.frames.padding()
        query = features.movedim(1, -1)  # (batch, *positions, frames, channels)
        found = query.flatten(1, -2)
        if frames.ndim > 3:
            positions = frames.shape[2]
            frames = frames.transpose(1, 2).flatten(0, 1)
            found = query.flatten(0, 1)
            padding = padding.repeat_interleave(positions, 0) if padding is not None else None
        heard = self.project(frames.transpose(1, 2))
        found, _ = self.attention(found, heard, heard, padding, need_weights=False)
        return found.reshape(query.shape)
