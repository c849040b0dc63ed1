"""Embeddings near the centre of their speaker."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wesep_like.losses.base import SPEAKER_LOSSES, SpeakerLoss


@SPEAKER_LOSSES.register("centre")
class CentreLoss(SpeakerLoss):
    """Half the squared distance to the speaker's centre: an addition to a classifier.

    The centres are learnt by gradient, as all else is; the paper moves them by a rule of their own.

    Source:
        Wen et al., "A discriminative feature learning approach for deep face recognition", ECCV
        2016, eq. 2. The mean over the batch, where theirs is the sum.
    """

    def __init__(self, embed_dim: int, num_speakers: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.zeros(num_speakers, embed_dim))

    def forward(self, embedding: Tensor, speakers: Tensor) -> Tensor:
        """(batch, embed), (batch,) -> a scalar; see the base."""
        known = speakers >= 0
        apart = embedding[known].float() - self.centres[speakers[known]]
        return apart.square().sum() / (2 * known.sum().clamp_min(1))
