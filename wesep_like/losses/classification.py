"""Heads that train a speaker module by naming the speaker."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from wesep_like.errors import ConfigError
from wesep_like.losses.base import CLASSIFIERS, SpeakerHead


@CLASSIFIERS.register("softmax")
class Softmax(SpeakerHead):
    """A linear layer and cross entropy."""

    def __init__(self, embed_dim: int, num_speakers: int) -> None:
        super().__init__()
        self.linear = nn.Linear(embed_dim, num_speakers)

    def logits(self, embedding: Tensor, speakers: Tensor | None = None) -> Tensor:
        """(batch, embed) -> (batch, speakers); there is no margin to hold."""
        return self.linear(embedding)


@CLASSIFIERS.register("aam_softmax")
class AAMSoftmax(SpeakerHead):
    """Additive angular margin: the right speaker must win by an angle.

    Args:
        embed_dim: Width of an embedding.
        num_speakers: Training speakers.
        margin: Angle in radians added between an embedding and its own speaker's centre. A plain
            attribute: a schedule may raise it while training.
        scale: What cosines are multiplied by before the softmax.

    Source:
        Deng et al., "ArcFace", CVPR 2019, eq. 3. Where angle plus margin would pass pi, the cosine
        less 1 + cos(pi - margin) goes on from there without a jump, as in WeSpeaker (`ArcMargin`).
    """

    def __init__(
        self, embed_dim: int, num_speakers: int, *, margin: float = 0.2, scale: float = 32.0
    ) -> None:
        super().__init__()
        if not 0 <= margin < math.pi / 2:
            raise ConfigError(
                f"margin: {margin!r} radians. A margin lies in [0, pi/2), as 0.2 does."
            )
        if scale <= 0:
            raise ConfigError(f"scale: {scale!r}. A scale is positive, as 32 is.")
        self.margin = margin
        self.scale = scale
        self.weight = nn.Parameter(torch.empty(num_speakers, embed_dim))
        nn.init.xavier_uniform_(self.weight)

    def logits(self, embedding: Tensor, speakers: Tensor | None = None) -> Tensor:
        """(batch, embed) -> (batch, speakers); with speakers, the margin is held against them."""
        # In half precision the cosines near 1, where the margin matters, run together.
        with torch.autocast(embedding.device.type, enabled=False):
            cosine = nn.functional.linear(
                nn.functional.normalize(embedding.float()), nn.functional.normalize(self.weight)
            )
            if speakers is None:
                return self.scale * cosine
            # The slope of a square root at 0 is infinite; float32 knows no sine below this one.
            sine = (1 - cosine.square()).clamp_min(torch.finfo(cosine.dtype).eps).sqrt()
            turned = cosine * math.cos(self.margin) - sine * math.sin(self.margin)
            last = math.cos(math.pi - self.margin)
            turned = torch.where(cosine > last, turned, cosine - (1 + last))
            own = torch.arange(len(self.weight), device=speakers.device) == speakers[:, None]
            return self.scale * torch.where(own, turned, cosine)
