"""The model's own estimate as a further enrollment."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wesep_like.errors import ConfigError


@dataclass(frozen=True)
class SelfEnrollmentOptions:
    """The config section `self_enrollment`: how an estimate serves as enrollment in training.

    Attributes:
        replace_probability: In how many of the steps the model is steered by its own estimate, made
            without learning from it, and not by the enrollment.
        second_weight: Weight of a second pass, steered by the estimate of the first, whose weight
            is the rest to 1. Both are learnt from; the estimate as an enrollment is not.

    Source:
        Self-estimated speech augmentation of WeSep: `SSA_enroll_prob` and BSRNN_Multi, with 0.6.
    """

    replace_probability: float | None = None
    second_weight: float | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.replace_probability, self.second_weight) if value]
        if len(given) != 1:
            raise ConfigError("replace_probability, second_weight: expected one of them above 0")
        if not 0 < given[0] <= 1:
            name = "replace_probability" if self.replace_probability else "second_weight"
            raise ConfigError(f"{name}: expected at most 1, got {given[0]}")

    def replaces(self, ids: Sequence[str]) -> bool:
        """Whether the examples `ids` of a step are steered by estimates; always the same."""
        if not self.replace_probability:
            return False
        draw = np.random.default_rng(zlib.crc32(" ".join(ids).encode())).random()
        return bool(draw < self.replace_probability)
