"""Trials scored without embeddings of both: one recording under a model of the other's speaker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from wesep_like.audio import io
from wesep_like.data.embedding_archive import Embeddings
from wesep_like.evaluation.trials import Trial
from wesep_like.inference.embedder import Embedder
from wesep_like.models.speakers.gmm_ubm import GMMUBM


def has_likelihoods(embedder: Embedder) -> bool:
    """Whether its model compares recordings so; a GMM-UBM does."""
    return isinstance(embedder.speaker, GMMUBM)


def likelihood_ratios(
    embedder: Embedder,
    trials: Sequence[Trial],
    rows: Mapping[str, int],
    embeddings: Embeddings,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """How much likelier each trial's second recording is if the first one's speaker says it.

    Each second recording is heard again, once, and then forgotten, so that memory is bounded.

    Args:
        embedder: Of whom `has_likelihoods` is true.
        trials: Labelled or not.
        rows: Which of the embeddings each name in the trials means.
        embeddings: Of this embedder; their paths can be read.
        progress: Told (second recordings done, all of them).

    Returns:
        Natural log-likelihood ratios, (trials,).

    Raises:
        AudioError: If a second recording cannot be read.
    """
    speaker = embedder.speaker
    assert isinstance(speaker, GMMUBM)
    of_second: dict[int, list[int]] = {}
    for number, trial in enumerate(trials):
        of_second.setdefault(rows[trial.second], []).append(number)
    ratios = np.empty(len(trials))
    for num_done, (row, numbers) in enumerate(of_second.items(), start=1):
        path = str(embeddings.paths[row])
        heard = io.read(path)
        frames = embedder.cue(heard.samples, heard.sample_rate, where=path).frames
        assert frames is not None
        speakers = embeddings.vectors[[rows[trials[number].first] for number in numbers]]
        found = speaker.log_likelihood_ratios(
            torch.from_numpy(speakers).to(embedder.device), frames.values[0]
        )
        ratios[numbers] = found.cpu().numpy()
        if progress is not None:
            progress(num_done, len(of_second))
    return ratios
