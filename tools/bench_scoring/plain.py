"""AS-norm as one writes it down, for `bench_scoring` to compare with."""

from __future__ import annotations

import numpy as np


def double_loop(
    scores: np.ndarray,
    embeddings: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    cohort: np.ndarray,
    top_n: int,
) -> np.ndarray:
    """Normalised scores (trials,), each trial and each speaker of the cohort for itself.

    Embeddings and cohort are of unit length.
    """
    normalised = np.empty(len(scores))
    for trial, score in enumerate(scores):
        sides = []
        for voice in (embeddings[first[trial]], embeddings[second[trial]]):
            alike = sorted((float(voice @ stranger) for stranger in cohort), reverse=True)[:top_n]
            sides.append((score - np.mean(alike)) / np.std(alike))
        normalised[trial] = (sides[0] + sides[1]) / 2
    return normalised
