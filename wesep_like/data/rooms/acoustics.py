"""Laws of sound in a box-shaped room; metres and seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

SPEED_OF_SOUND = 343.0  # in air of 20 degrees; pyroomacoustics has the same

_DIRECTIONS = 256
_STEEPEST, _STEP = 30.0, 0.1  # of the curve below; 30 is far beyond its 35 dB in any room


def wall_loss(size_m: Sequence[float], rt60_seconds: float) -> float:
    """What a reflection costs, as minus the logarithm of the energy that is left.

    It is chosen so that the image-source model has this RT60, by T30 of ISO 3382-1. Sabine's and
    Eyring's formulas take all directions for alike; but images along the longer axes meet fewer
    walls and die out later, which made T30 1.35 times as long as Eyring's (median of 40 rooms). The
    decay curve of all images together is known (Lehmann & Johansson 2008): it depends on how often
    a sound meets a wall in each direction, and the loss at a wall only stretches it.
    """
    walls_per_metre = (_directions() / np.array(size_m)).sum(axis=1)
    walls_per_metre /= (mean := walls_per_metre.mean())
    way = np.arange(0, _STEEPEST, _STEP)[:, None]  # in losses of a mean direction
    to_come = (np.exp(-walls_per_metre * way) / walls_per_metre).mean(axis=1)
    decay_db = 10 * np.log10(to_come / to_come[0])
    start, end = np.interp([5, 35], -decay_db, way[:, 0])
    return 2 * (end - start) / (mean * SPEED_OF_SOUND * rt60_seconds)


def _directions() -> np.ndarray:
    """Spread evenly over an eighth of a sphere, (directions, 3)."""
    golden = (math.sqrt(5) - 1) / 2
    number = np.arange(_DIRECTIONS)
    up = (number + 0.5) / _DIRECTIONS
    around = math.pi / 2 * (number * golden % 1)
    flat = np.sqrt(1 - up**2)
    return np.stack([flat * np.cos(around), flat * np.sin(around), up], axis=1)
