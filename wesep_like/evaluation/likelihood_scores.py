"""Trials scored by likelihoods: the second recording under a model of the first one's speaker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch

from wesep_like.audio import io
from wesep_like.errors import AudioError
from wesep_like.inference.embedder import Embedder
from wesep_like.models.speakers.gmm_ubm import GMMUBM

Pair: TypeAlias = "tuple[str, str]"
"""The names of the two recordings of a trial."""


def scores_by_likelihood(embedder: Embedder) -> bool:
    """Whether this is a model that compares recordings so, a GMM-UBM."""
    return isinstance(embedder.speaker, GMMUBM)


def likelihood_scores(
    embedder: Embedder,
    pairs: Sequence[Pair],
    embeddings: Mapping[str, np.ndarray],
    audio: Mapping[str, str | Path],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[dict[Pair, float], list[str]]:
    """Log-likelihood ratios of trials: whether the first's speaker or anyone said the second.

    Args:
        embedder: A GMM-UBM; see `scores_by_likelihood`.
        pairs: Which recordings to compare. A pair whose first has no embedding is left out.
        embeddings: Of the recordings that are named first, by name.
        audio: Of those that are named second; each is heard once.
        progress: Told (second recordings done, all of them).

    Returns:
        The score of each pair, but of those whose second recording cannot be used; and a line for
        each of these.
    """
    speaker = embedder.speaker
    assert isinstance(speaker, GMMUBM)
    firsts: dict[str, list[str]] = {}
    for first, second in dict.fromkeys(pairs):
        if first in embeddings:
            firsts.setdefault(second, []).append(first)
    scores: dict[Pair, float] = {}
    problems = []
    for number, (second, names) in enumerate(firsts.items(), start=1):
        try:
            heard = io.read(audio[second])
            cue = embedder.cue(heard.samples, heard.sample_rate, where=str(audio[second]))
        except AudioError as error:
            problems.append(str(error))
            continue
        finally:
            if progress:
                progress(number, len(firsts))
        assert cue.frames is not None
        models = torch.from_numpy(np.stack([embeddings[name] for name in names]))
        ratios = speaker.log_likelihood_ratios(models.to(embedder.device), cue.frames.values[0])
        scores |= {
            (name, second): ratio for name, ratio in zip(names, ratios.tolist(), strict=True)
        }
    return scores, problems
