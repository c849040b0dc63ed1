"""Embeddings of speakers, drawn from a model that is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture
def draw() -> Callable[..., tuple[np.ndarray, list[str]]]:
    """`draw(num_speakers, per_speaker, between, within, mean, seed)` -> embeddings, speakers."""

    def make(num_speakers, per_speaker, between, within, mean=0.0, seed=0):
        rng = np.random.default_rng(seed)
        zero = np.zeros(len(between))
        places = mean + rng.multivariate_normal(zero, between, num_speakers)
        counts = np.full(num_speakers, per_speaker) if np.isscalar(per_speaker) else per_speaker
        embeddings = np.repeat(places, counts, axis=0)
        embeddings = embeddings + rng.multivariate_normal(zero, within, len(embeddings))
        names = np.repeat([f"s{n}" for n in range(num_speakers)], counts)
        return embeddings, names.tolist()

    return make


@pytest.fixture
def covariances() -> tuple[np.ndarray, np.ndarray]:
    """Between and within speakers, (4, 4) each."""
    rng = np.random.default_rng(7)
    first, second = rng.standard_normal((2, 4, 4))
    return first @ first.T + 0.2 * np.eye(4), 0.5 * second @ second.T + 0.2 * np.eye(4)
