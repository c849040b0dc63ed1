"""An utterance, the least alike of its own speaker, and the most alike of another."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from wesep_like.errors import ConfigError
from wesep_like.losses.base import SPEAKER_LOSSES, SpeakerLoss
from wesep_like.losses.speakers.groups import grouped, nothing


@SPEAKER_LOSSES.register("triplet")
class Triplet(SpeakerLoss):
    """Triplet loss on unit embeddings, with the hardest triplet of each utterance.

    Args:
        margin: By how much the squared distance to another speaker must be larger.

    Source:
        Schroff et al., "FaceNet", CVPR 2015, eq. 3; hardest in the batch: Hermans et al., "In
        defense of the triplet loss", 2017, eq. 5.
    """

    compares_utterances = True

    def __init__(self, *, margin: float = 0.3) -> None:
        super().__init__()
        if margin < 0:
            raise ConfigError(f"margin: expected at least 0, got {margin!r}")
        self.margin = margin

    def forward(self, embedding: Tensor, speakers: Tensor) -> Tensor:
        """The mean over all that have another utterance of their speaker; see the base."""
        groups = grouped(embedding, speakers)
        if groups.num < 2:
            return nothing(embedding, self)
        each = normalize(groups.embedding)
        distance = 2 - 2 * each @ each.T  # of unit vectors, squared
        is_same = groups.group[:, None] == groups.group
        farthest = distance.masked_fill(~is_same, -torch.inf).amax(-1)
        nearest = distance.masked_fill(is_same, torch.inf).amin(-1)
        return (farthest - nearest + self.margin).clamp_min(0).mean()
