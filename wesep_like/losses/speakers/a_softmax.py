"""Classification with a multiplicative angular margin."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wesep_like.losses.base import SPEAKER_LOSSES
from wesep_like.losses.speakers.softmax import AngularHead, own_of

_FACTOR = 4  # of the angle, as published


@SPEAKER_LOSSES.register("a_softmax")
class ASoftmax(AngularHead):
    """The angle to the right speaker is taken four times (SphereFace).

    Logits are as large as the embedding is long, so there is no scale. The paper mixes the
    cosine in, ever less, down to 5 parts of it to one of the margin's; with that share, times
    `margin_share`, the margin is held here.

    Source:
        Liu et al., "SphereFace", CVPR 2017, eq. 7 and the annealing of its section 4.1.
    """

    has_margin = True
    _least_annealing = 5.0

    def __init__(self, embed_dim: int, num_speakers: int, *, num_centres: int = 1) -> None:
        super().__init__(embed_dim, num_speakers, num_centres=num_centres)

    def logits(self, embedding: Tensor, speakers: Tensor | None = None) -> Tensor:
        """(batch, embed) -> (batch, speakers); with speakers, the margin is held against them."""
        cosine = self.cosines(embedding)
        length = torch.linalg.vector_norm(embedding.float(), dim=-1, keepdim=True)
        if speakers is None:
            return length * cosine
        # cos(4 angle) falls and rises; folded over, psi falls all the way from 1 to -7. The number
        # of the fold is a step, which has no slope; cos(4 angle) is a polynomial, which has one.
        fold = (_FACTOR / math.pi * cosine.detach().acos()).floor().clamp_max(_FACTOR - 1)
        square = cosine.square()
        of_angle = 8 * square.square() - 8 * square + 1
        psi = torch.where(fold % 2 == 0, of_angle, -of_angle) - 2 * fold
        share = self.margin_share / (1 + self._least_annealing)
        return length * torch.where(
            own_of(cosine, speakers), cosine + share * (psi - cosine), cosine
        )
