"""What else is heard."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from wesep_like.data.manifest import Noise
from wesep_like.data.simulation.plans import Clip, NoiseColor, NoisePlan
from wesep_like.data.simulation.voice_options import VoiceOptions
from wesep_like.errors import ManifestError


class Noises:
    """Noises, and the choice among them.

    Args:
        noises: Used if the probability is above 0; where options.noise names none, noise is
            coloured.
        options: What there is.
        sample_rate: Of the mixtures, in Hz.
        probability: How often there is noise.
        snr_range_db: Power of the voice over power of the noise.
        snr_ranges_db: Other ranges for noises whose id begins with the key.

    Raises:
        ManifestError: If there are none in what options.noise names.
    """

    def __init__(
        self,
        noises: Sequence[Noise],
        options: VoiceOptions,
        sample_rate: int,
        *,
        probability: float,
        snr_range_db: tuple[float, float],
        snr_ranges_db: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        self.options = options
        self.sample_rate = sample_rate
        self.probability = probability
        self.snr_range_db = snr_range_db
        self.snr_ranges_db = dict(snr_ranges_db or {})
        self._noises = sorted(noises, key=lambda noise: noise.id)
        is_named = options.noise_source is not None
        if probability > 0 and is_named and not self._noises:
            raise ManifestError(
                f"{options.noise_source}: no noises, but noise_probability is above 0"
            )

    def draw(self, rng: np.random.Generator, num_samples: int) -> NoisePlan | None:
        """The noise under a mixture of `num_samples`; None for none."""
        is_used, which, place = rng.random(3)
        snr_place = rng.random()
        if is_used >= self.probability:
            return None
        if not self._noises:
            snr_db = _within(self.snr_range_db, snr_place)
            exponent = float(rng.uniform(*self.options.noise_exponent_range))
            color = NoiseColor(exponent, int(rng.integers(2**31)))
            return NoisePlan(snr_db=snr_db, color=color)
        noise = self._noises[int(which * len(self._noises))]
        beginnings = (one for one in self.snr_ranges_db if noise.id.startswith(one))
        beginning = next(beginnings, None)
        limits = self.snr_range_db if beginning is None else self.snr_ranges_db[beginning]
        snr_db = _within(limits, snr_place)
        wanted = math.ceil(num_samples * noise.sample_rate / self.sample_rate)
        length = min(wanted, noise.num_samples)
        start = int(place * (noise.num_samples - length + 1))
        clip, offset = Clip(noise.path, start, length, noise.sample_rate), 0
        if length < wanted:  # repeated; it does not always begin where its file does
            offset = int(place * length * self.sample_rate / noise.sample_rate)
        return NoisePlan(clip, snr_db, offset=offset)


def _within(limits: Sequence[float], place: float) -> float:
    low, high = limits
    return float(low + (high - low) * place)
