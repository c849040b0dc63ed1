"""An utterance of each speaker against the means of the others'."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from wesep_like.losses.base import SPEAKER_LOSSES, SpeakerLoss
from wesep_like.losses.speakers.groups import grouped, nothing


@SPEAKER_LOSSES.register("prototypical")
class Prototypical(SpeakerLoss):
    """The last utterance of each speaker belongs to the mean of that speaker's others.

    By squared distance. What has no other utterance of its speaker in the batch is left out.

    Source:
        Snell et al., "Prototypical networks", NeurIPS 2017; Chung et al., "In defence of metric
        learning for speaker recognition", Interspeech 2020, eq. 7-8.
    """

    compares_utterances = True

    def forward(self, embedding: Tensor, speakers: Tensor) -> Tensor:
        """Cross entropy over the speakers of the batch; see the base."""
        groups = grouped(embedding, speakers)
        if groups.num < 2:
            return nothing(embedding, self)
        queries = groups.embedding[groups.last()]
        prototypes = (groups.sums - queries) / (groups.sizes[:, None] - 1)
        numbers = torch.arange(groups.num, device=queries.device)
        return cross_entropy(self.likeness(queries, prototypes), numbers)

    def likeness(self, queries: Tensor, prototypes: Tensor) -> Tensor:
        """(speakers, embed), (speakers, embed) -> (queries, prototypes)."""
        return -(queries[:, None] - prototypes).square().sum(-1)


class ScaledCosine(nn.Module):
    """The cosine times a positive number and plus another, both learnt.

    Source:
        Wan et al., "Generalized end-to-end loss", ICASSP 2018, eq. 5, and their first values.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(10.0))
        self.bias = nn.Parameter(torch.tensor(-5.0))

    def forward(self, cosine: Tensor) -> Tensor:
        """Of any shape."""
        return self.weight.clamp_min(1e-6) * cosine + self.bias


@SPEAKER_LOSSES.register("angular_prototypical")
class AngularPrototypical(Prototypical):
    """The same by scaled cosines.

    Source:
        Chung et al., "In defence of metric learning for speaker recognition", Interspeech 2020.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scaled = ScaledCosine()

    def likeness(self, queries: Tensor, prototypes: Tensor) -> Tensor:
        """As of the base, by angle."""
        return self.scaled(normalize(queries) @ normalize(prototypes).T)
