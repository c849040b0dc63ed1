"""How loud each voice and the noise are, where levels are drawn as loudness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from wesep_like.data.simulation.options import LoudnessOptions
from wesep_like.data.simulation.plans import NoisePlan, SourcePlan


def with_loudness(
    rng: np.random.Generator,
    options: LoudnessOptions,
    sources: Sequence[SourcePlan],
    noise: NoisePlan | None,
) -> tuple[list[SourcePlan], NoisePlan | None]:
    """The sources and the noise, each with a loudness of its own."""
    # Its own child: the number of voices must not move it.
    of_noise = float(rng.spawn(1)[0].uniform(*options.noise_range_lufs))
    louder = [
        replace(source, sir_db=0.0, loudness_lufs=float(rng.uniform(*options.speech_range_lufs)))
        for source in sources
    ]
    if noise is not None:
        noise = replace(noise, snr_db=0.0, loudness_lufs=of_noise)
    return louder, noise
