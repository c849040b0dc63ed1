"""How fast a voice is played."""

from __future__ import annotations

import numpy as np

from wesep_like.data.simulation.voice_options import VoiceOptions


def draw_speed(rng: np.random.Generator, options: VoiceOptions) -> float:
    """One of the speeds, or 1."""
    is_changed, place = rng.random() < options.speed_probability, rng.random()
    return options.speeds[int(place * len(options.speeds))] if is_changed else 1.0
