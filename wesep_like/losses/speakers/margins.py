"""Classification with an additive margin: the right speaker must win by it."""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Tensor, nn

from wesep_like.errors import ConfigError
from wesep_like.losses.base import SPEAKER_LOSSES
from wesep_like.losses.speakers.softmax import AngularHead, own_of, sine_of


class MarginHead(AngularHead):
    """What margins on cosines and on angles share.

    Args:
        embed_dim: Width of an embedding.
        num_speakers: Training speakers.
        margin: By how much the right speaker must win; of angles in radians.
        scale: What cosines are multiplied by before the softmax.
        num_centres: Of each speaker; see `AngularHead`.
        num_hard: So many of the wrong speakers, those that are most alike, are made still more
            alike. 0: none.
        hard_margin: By how much.
        adaptive: Above 0, each speaker has a margin of its own, which is learnt, and this is how
            much their mean counts in the loss; `margin` is what they start from.

    Source:
        Hard speakers: Zhao et al., "Multi-query multi-head attention pooling and inter-topk penalty
        for speaker verification", ICASSP 2022. Margins that are learnt: Liu et al., "AdaptiveFace",
        CVPR 2019.
    """

    has_margin = True
    # A run that fine-tunes with a larger margin has that margin for all speakers at first.
    begin_anew = ("margins",)

    def __init__(
        self,
        embed_dim: int,
        num_speakers: int,
        *,
        margin: float = 0.2,
        scale: float = 32.0,
        num_centres: int = 1,
        num_hard: int = 0,
        hard_margin: float = 0.06,
        adaptive: float = 0.0,
    ) -> None:
        super().__init__(embed_dim, num_speakers, num_centres=num_centres, scale=scale)
        if not 0 <= margin < math.pi / 2:
            raise ConfigError(
                f"margin: {margin!r} radians. A margin lies in [0, pi/2), as 0.2 does."
            )
        if not 0 <= num_hard < num_speakers:
            raise ConfigError(
                f"num_hard: expected 0 to {num_speakers - 1}, fewer than the {num_speakers} "
                f"speakers, got {num_hard}"
            )
        if not 0 <= hard_margin < math.pi / 2:
            raise ConfigError(f"hard_margin: expected a number in [0, pi/2), got {hard_margin!r}")
        if adaptive < 0:
            raise ConfigError(f"adaptive: expected at least 0, got {adaptive!r}")
        self.margin = margin
        self.num_hard = num_hard
        self.hard_margin = hard_margin
        self.adaptive = adaptive
        self.margins = nn.Parameter(torch.full((num_speakers,), margin)) if adaptive else None

    def logits(self, embedding: Tensor, speakers: Tensor | None = None) -> Tensor:
        """(batch, embed) -> (batch, speakers); with speakers, the margin is held against them."""
        cosine = self.cosines(embedding)
        if speakers is None:
            return self.scale * cosine
        own = own_of(cosine, speakers)
        margin = self.margin_share * self._margins(speakers)
        logits = torch.where(own, self.harder(cosine, margin), cosine)
        if self.num_hard:
            most_alike = cosine.masked_fill(own, -torch.inf).topk(self.num_hard).indices
            is_hard = torch.zeros_like(own).scatter_(-1, most_alike, True)
            closer = self.easier(cosine, self.margin_share * self.hard_margin)
            logits = torch.where(is_hard, closer, logits)
        return self.scale * logits

    def forward(self, embedding: Tensor, speakers: Tensor) -> Tensor:
        """Cross entropy, less what wide margins earn; see the base."""
        entropy = super().forward(embedding, speakers)
        if self.margins is None:
            return entropy
        is_any_known = (speakers >= 0).any()
        return entropy - is_any_known * self.adaptive * self.margins.clamp(0, 1).mean()

    @abstractmethod
    def harder(self, cosine: Tensor, margin: Tensor) -> Tensor:
        """The cosines less a margin (batch, 1)."""

    @abstractmethod
    def easier(self, cosine: Tensor, margin: float) -> Tensor:
        """The cosines and a margin."""

    def _margins(self, speakers: Tensor) -> Tensor:
        """Of each item's speaker, (batch, 1)."""
        if self.margins is None:
            return torch.full((len(speakers), 1), self.margin, device=speakers.device)
        return self.margins.clamp(0, 1)[speakers.clamp_min(0), None]


@SPEAKER_LOSSES.register("am_softmax")
class AMSoftmax(MarginHead):
    """A margin on the cosine; options as of `MarginHead`.

    Source:
        Wang et al., "Additive margin softmax", IEEE SPL 2018; "CosFace", CVPR 2018.
    """

    def harder(self, cosine: Tensor, margin: Tensor) -> Tensor:
        """Less by the margin."""
        return cosine - margin

    def easier(self, cosine: Tensor, margin: float) -> Tensor:
        """More by the margin."""
        return cosine + margin


@SPEAKER_LOSSES.register("aam_softmax")
class AAMSoftmax(MarginHead):
    """A margin on the angle; options as of `MarginHead`.

    Source:
        Deng et al., "ArcFace", CVPR 2019, eq. 3. Where angle plus margin would pass pi, the cosine
        less 1 + cos(pi - margin) goes on from there without a jump, as in WeSpeaker (`ArcMargin`).
    """

    def harder(self, cosine: Tensor, margin: Tensor) -> Tensor:
        """The cosine of the angle and the margin."""
        turned = cosine * margin.cos() - sine_of(cosine) * margin.sin()
        last = (math.pi - margin).cos()
        return torch.where(cosine > last, turned, cosine - (1 + last))

    def easier(self, cosine: Tensor, margin: float) -> Tensor:
        """The cosine of the angle less the margin, at least 0."""
        turned = cosine * math.cos(margin) + sine_of(cosine) * math.sin(margin)
        return torch.where(cosine < math.cos(margin), turned, 1.0)
