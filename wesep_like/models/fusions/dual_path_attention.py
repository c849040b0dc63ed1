"""Fusion with what attention finds in the enrollment along one axis, and then along the other."""

from __future__ import annotations

from torch import Tensor, nn

from wesep_like.errors import ConfigError
from wesep_like.models.cue import SpeakerCue
from wesep_like.models.fusions.base import FUSIONS
from wesep_like.models.fusions.cross_attention import CrossAttention, FuseName


@FUSIONS.register("dual_path_attention")
class DualPathAttention(CrossAttention):
    """Cross attention across chunks, and then within what it found for each chunk of the mixture.

    Each place of a chunk attends to the enrollment's chunks as in `cross_attention`. What all
    places find for a chunk is a chunk again, and to its places the places of the mixture attend;
    both that is found is added. Where features have bands or bins and frames, these are places and
    chunks.

    Args:
        feature_dim: Channels of the features.
        frame_dim: Channels of the speaker module's frames.
        num_positions: Places of a chunk, bands or bins of the features; 1 if they have none.
        frame_positions: The same of the speaker module's frames; None if they have none.
        num_heads: Of either attention; a divisor of the features' channels.
        fuse: How features and what was found are fused, position by position.

    Raises:
        ConfigError: If the features have no other axis than time.

    Source:
        After Zeng, Suo, Wan and Li, "SEF-Net: Speaker Embedding Free Target Speaker Extraction
        Network", Interspeech 2023. Deviations: chunks of mixture and enrollment are not paired by
        their number, so that lengths may differ: attention across them goes first, and attention
        within looks at what it found; both stand before a block, and not in each of its layers.
    """

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
        if num_positions == 1:
            raise ConfigError(
                "name: 'dual_path_attention' attends along two axes, and the features here have "
                "time only. Expected 'cross_attention', or a separator with chunks, bands or bins"
            )
        super().__init__(
            feature_dim, frame_dim, num_positions, frame_positions, num_heads=num_heads, fuse=fuse
        )
        self.attention_within = nn.MultiheadAttention(feature_dim, num_heads, batch_first=True)

    def find(self, features: Tensor, cue: SpeakerCue) -> Tensor:
        """See `CrossAttention.find`; there is one axis of positions."""
        across = super().find(features, cue).transpose(1, 2)  # (batch, frames, positions, channels)
        query, heard = features.permute(0, 3, 2, 1).flatten(0, 1), across.flatten(0, 1)
        within, _ = self.attention_within(query, heard, heard, need_weights=False)
        return (across + within.reshape(across.shape)).transpose(1, 2)
