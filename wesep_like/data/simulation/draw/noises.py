"""What else is heard."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from wesep_like.data.manifest import Noise
from wesep_like.data.simulation.options import MixingOptions
from wesep_like.data.simulation.plans import Clip, NoisePlan
from wesep_like.errors import ManifestError


class Noises:
    """Noises, and the choice among them.

    Args:
        noises: Used if options.noise_probability is above 0.
        options: How mixtures are made.
        sample_rate: Of the mixtures, in Hz.

    Raises:
        ManifestError: If there are none.
    """

    def __init__(self, noises: Sequence[Noise], options: MixingOptions, sample_rate: int) -> None:
        self.options = options
        self.sample_rate = sample_rate
        self._noises = sorted(noises, key=lambda noise: noise.id)
        if options.noise_probability > 0 and not self._noises:
            raise ManifestError(
                f"{options.noise_source}: no noises, but noise_probability is above 0"
            )

    def draw(self, rng: np.random.Generator, num_samples: int) -> NoisePlan | None:
        """The noise under a mixture of `num_samples`; None for none."""
        is_used, which, place = rng.random(3)
        snr_db = float(rng.uniform(*self.options.snr_range_db))
        if is_used >= self.options.noise_probability:
            return None
        noise = self._noises[int(which * len(self._noises))]
        length = math.ceil(num_samples * noise.sample_rate / self.sample_rate)
        length = min(length, noise.num_samples)
        start = int(place * (noise.num_samples - length + 1))
        return NoisePlan(Clip(noise.path, start, length, noise.sample_rate), snr_db)
