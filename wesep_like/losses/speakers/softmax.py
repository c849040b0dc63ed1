"""Classification of the training speakers without a margin, by distance or by angle."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wesep_like.errors import ConfigError
from wesep_like.losses.base import SPEAKER_LOSSES, SpeakerHead


@SPEAKER_LOSSES.register("softmax")
class Softmax(SpeakerHead):
    """A linear layer and cross entropy."""

    def __init__(self, embed_dim: int, num_speakers: int) -> None:
        super().__init__()
        self.linear = nn.Linear(embed_dim, num_speakers)

    def logits(self, embedding: Tensor, speakers: Tensor | None = None) -> Tensor:
        """(batch, embed) -> (batch, speakers); there is no margin to hold."""
        return self.linear(embedding)


class AngularHead(SpeakerHead):
    """Tells speakers apart by the angle between an embedding and their centres.

    Args:
        embed_dim: Width of an embedding.
        num_speakers: Training speakers.
        num_centres: Of each speaker, of which the nearest counts: one may take what is wrongly
            labelled, and leave the others clean.
        scale: What cosines are multiplied by before the softmax.

    Source:
        Sub-centres: Deng et al., "Sub-center ArcFace", ECCV 2020.
    """

    def __init__(
        self, embed_dim: int, num_speakers: int, *, num_centres: int = 1, scale: float = 32.0
    ) -> None:
        super().__init__()
        if num_centres < 1:
            raise ConfigError(f"num_centres: expected at least 1, got {num_centres}")
        if scale <= 0:
            raise ConfigError(f"scale: {scale!r}. A scale is positive, as 32 is.")
        self.num_centres = num_centres
        self.scale = scale
        # A speaker's centres stand one after another, as in WeSpeaker.
        self.weight = nn.Parameter(torch.empty(num_speakers * num_centres, embed_dim))
        nn.init.xavier_uniform_(self.weight)

    def cosines(self, embedding: Tensor) -> Tensor:
        """(batch, embed) -> (batch, speakers), in full precision."""
        # In half precision the cosines near 1, where the margin matters, run together.
        with torch.autocast(embedding.device.type, enabled=False):
            cosine = nn.functional.linear(
                nn.functional.normalize(embedding.float()), nn.functional.normalize(self.weight)
            )
            # Two unit vectors in floating point may have a product a little above 1.
            return cosine.unflatten(-1, (-1, self.num_centres)).amax(-1).clamp(-1, 1)

    def logits(self, embedding: Tensor, speakers: Tensor | None = None) -> Tensor:
        """(batch, embed) -> (batch, speakers)."""
        return self.scale * self.cosines(embedding)


@SPEAKER_LOSSES.register("normalised_softmax")
class NormalisedSoftmax(AngularHead):
    """Cross entropy of scaled cosines: the head that all margins are added to.

    Source:
        Wang et al., "NormFace", ACM Multimedia 2017.
    """


def own_of(cosine: Tensor, speakers: Tensor) -> Tensor:
    """Which entry of each row is the item's own speaker: (batch, speakers), bool."""
    numbers = torch.arange(cosine.shape[-1], device=speakers.device)
    return numbers == speakers[:, None]


def sine_of(cosine: Tensor) -> Tensor:
    """The sine of an angle from 0 to pi, with a finite slope at both ends."""
    # The slope of a square root at 0 is infinite; float32 knows no sine below this one.
    return (1 - cosine.square()).clamp_min(torch.finfo(cosine.dtype).eps).sqrt()
