"""Durations are seconds in configs and samples in code; they are converted once, here."""

from __future__ import annotations

import math


def to_samples(seconds: float, sample_rate: int) -> int:
    """The nearest number of samples; a half is rounded up."""
    return math.floor(seconds * sample_rate + 0.5)
