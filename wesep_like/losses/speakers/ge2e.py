"""Every utterance against the means of all speakers."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from wesep_like.losses.base import SPEAKER_LOSSES, SpeakerLoss
from wesep_like.losses.speakers.groups import grouped, nothing
from wesep_like.losses.speakers.prototypical import ScaledCosine


@SPEAKER_LOSSES.register("ge2e")
class GE2E(SpeakerLoss):
    """Generalised end-to-end loss: each utterance belongs to the mean of its speaker's others.

    The means of other speakers are of all of theirs. What has no other utterance of its speaker in
    the batch is left out.

    Source:
        Wan et al., "Generalized end-to-end loss for speaker verification", ICASSP 2018, eq. 5, 6,
        8 and 9 (softmax). The loss is the mean over utterances, where theirs is the sum.
    """

    compares_utterances = True

    def __init__(self) -> None:
        super().__init__()
        self.scaled = ScaledCosine()

    def forward(self, embedding: Tensor, speakers: Tensor) -> Tensor:
        """Cross entropy over the speakers of the batch; see the base."""
        groups = grouped(embedding, speakers)
        if groups.num < 2:
            return nothing(embedding, self)
        each = normalize(groups.embedding)
        sums = torch.zeros_like(groups.sums).index_add(0, groups.group, each)
        cosine = each @ normalize(sums).T
        without_it = normalize(sums[groups.group] - each)
        own = torch.arange(groups.num, device=each.device) == groups.group[:, None]
        cosine = torch.where(own, (each * without_it).sum(-1, keepdim=True), cosine)
        return cross_entropy(self.scaled(cosine), groups.group)
