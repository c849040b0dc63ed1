"""As many binary decisions as there are speakers."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from wesep_like.errors import ConfigError
from wesep_like.losses.base import SPEAKER_LOSSES
from wesep_like.losses.speakers.softmax import AngularHead, own_of, sine_of


@SPEAKER_LOSSES.register("sphereface2")
class SphereFace2(AngularHead):
    """Each speaker is accepted or rejected by itself, with a margin on both sides.

    Args:
        embed_dim: Width of an embedding.
        num_speakers: Training speakers.
        margin: On the adjusted cosine, or on the angle in radians.
        margin_on: Which of the two: the paper's types C and A.
        scale: What adjusted cosines are multiplied by.
        exponent: t of 2 ((cosine + 1) / 2)^t - 1, which spreads the cosines.
        positive_weight: lambda, the weight of the one right speaker against all others.
        num_centres: Of each speaker.

    Source:
        Wen et al., "SphereFace2", ICLR 2022, eq. 7; Han et al., "Exploring binary classification
        loss for speaker verification", ICASSP 2023. The bias begins where both sides pull alike at
        cosines of 0.
    """

    has_margin = True

    def __init__(
        self,
        embed_dim: int,
        num_speakers: int,
        *,
        margin: float = 0.2,
        margin_on: Literal["cosine", "angle"] = "cosine",
        scale: float = 32.0,
        exponent: float = 3.0,
        positive_weight: float = 0.7,
        num_centres: int = 1,
    ) -> None:
        super().__init__(embed_dim, num_speakers, num_centres=num_centres, scale=scale)
        if not 0 <= margin < math.pi / 2:
            raise ConfigError(f"margin: expected a number in [0, pi/2), got {margin!r}")
        if exponent <= 0:
            raise ConfigError(f"exponent: expected more than 0, got {exponent!r}")
        if not 0 < positive_weight < 1:
            raise ConfigError(
                f"positive_weight: expected a number between 0 and 1, got {positive_weight!r}"
            )
        self.margin = margin
        self.margin_on = margin_on
        self.exponent = exponent
        self.positive_weight = positive_weight
        self.bias = nn.Parameter(torch.full((1, 1), self._balance(num_speakers)))

    def forward(self, embedding: Tensor, speakers: Tensor) -> Tensor:
        """The weighted binary cross entropies; see the base."""
        known = speakers >= 0
        cosine = self.cosines(embedding[known])
        speakers = speakers[known]
        margin = self.margin_share * self.margin
        right = self.scale * self._less(cosine, margin) + self.bias
        wrong = self.scale * self._less(cosine, -margin) + self.bias
        weight = self.positive_weight
        costs = torch.where(
            own_of(cosine, speakers),
            weight * softplus(-right),
            (1 - weight) * softplus(wrong),
        )
        # Nobody known: the empty sum, which is 0 and has the gradient 0.
        return costs.sum() / known.sum().clamp_min(1)

    def _less(self, cosine: Tensor, margin: float) -> Tensor:
        """The adjusted cosines less a margin."""
        if self.margin_on == "cosine":
            return self._adjusted(cosine) - margin
        turned = cosine * math.cos(margin) - sine_of(cosine) * math.sin(margin)
        return self._adjusted(turned)

    def _adjusted(self, cosine: Tensor) -> Tensor:
        return 2 * ((cosine.clamp_min(-1) + 1) / 2).pow(self.exponent) - 1

    def _balance(self, num_speakers: int) -> float:
        """The bias b at which the slopes of the one and of all the others are equal at cosine 0.

        weight sigmoid(-(p + b)) = (1 - weight) (speakers - 1) sigmoid(n + b), where p and n are
        what stands there without the bias: a quadratic equation in exp(b).
        """
        zero = torch.zeros((), dtype=torch.float64)
        positive = self.scale * self._less(zero, self.margin).item()
        negative = self.scale * self._less(zero, -self.margin).item()
        ratio = self.positive_weight / ((1 - self.positive_weight) * max(1, num_speakers - 1))
        # With y = exp(b + negative): exp(apart) y^2 + (1 - ratio) y - ratio = 0.
        apart, slope = positive - negative, 1 - ratio
        root = math.sqrt(slope * slope + 4 * math.exp(apart) * ratio)
        # Of the two forms of the positive root, the one that takes no difference of equals.
        if slope > 0:
            return math.log(2 * ratio / (slope + root)) - negative
        return math.log((root - slope) / 2) - positive
