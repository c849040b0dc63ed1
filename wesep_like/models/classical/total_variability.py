"""The total variability model: in which directions utterances move the means of a mixture.

The means of an utterance, in deviations from those of the mixture, are `loadings` times a vector
that is standard normal: its mean, given the utterance, is the i-vector.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from wesep_like.errors import ConfigError
from wesep_like.models.classical.gmm import Statistics

_BLOCK_UTTERANCES = 128  # at a time: a covariance for each is in memory
# Of the mean of a component's diagonal, for one that hardly any frame is of.
_LEAST_SHARE = 1e-6


class Posterior(NamedTuple):
    """What is known of the vectors of utterances once they are heard."""

    means: Tensor  # (batch, dim): the i-vectors
    covariances: Tensor  # (batch, dim, dim)
    log_evidence: Tensor  # (batch,): of the statistics, but for what no loading changes


def products(loadings: Tensor) -> Tensor:
    """What a frame of each component adds to the precision of an i-vector.

    (components, channels, dim) -> (components, dim, dim)
    """
    return loadings.transpose(1, 2) @ loadings


def posterior(statistics: Statistics, loadings: Tensor, each_frame: Tensor) -> Posterior:
    """The vectors of a batch of utterances.

    Args:
        statistics: Of each.
        loadings: (components, channels, dim).
        each_frame: `products` of these.

    Source:
        Dehak et al., "Front-end factor analysis for speaker verification", IEEE TASLP 2011,
        equation 3.
    """
    dim = loadings.shape[2]
    precisions = (statistics.counts @ each_frame.flatten(1)).unflatten(1, (dim, dim))
    precisions = precisions + torch.eye(dim, dtype=precisions.dtype, device=precisions.device)
    linear = statistics.sums.flatten(1) @ loadings.flatten(0, 1)
    factors = torch.linalg.cholesky(precisions)
    covariances = torch.cholesky_inverse(factors)
    means = (covariances @ linear[..., None])[..., 0]
    log_determinants = 2 * factors.diagonal(dim1=1, dim2=2).log().sum(1)
    return Posterior(means, covariances, 0.5 * ((means * linear).sum(1) - log_determinants))


def train_loadings(
    statistics: Statistics,
    dim: int,
    generator: torch.Generator,
    *,
    num_rounds: int = 5,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """The loadings under which the statistics are likely, (components, channels, dim), in doubles.

    Args:
        statistics: Of many utterances, against one mixture, whose variances stay.
        dim: Of an i-vector.
        generator: For where EM begins.
        num_rounds: Of EM, each with a step of minimum divergence.
        progress: Told (utterances done, all of them in all rounds).

    Raises:
        ConfigError: If there is no direction or no round, or there are fewer utterances than
            directions.

    Source:
        Kenny et al., "Eigenvoice modeling with sparse training data", IEEE TSAP 2005; minimum
        divergence as in Kenny, "Joint factor analysis of speaker and session variability", 2005,
        with the mean of the vectors kept at zero.
    """
    num_utterances = len(statistics.counts)
    if not 1 <= dim <= num_utterances or num_rounds < 1:
        raise ConfigError(
            f"dim, num_rounds: expected 1 to {num_utterances} directions, as there are so many "
            f"utterances, and at least one round, got {dim} and {num_rounds}"
        )
    shape = *statistics.sums.shape[1:], dim
    loadings = 0.1 * torch.randn(shape, generator=generator, dtype=torch.float64)
    for number in range(num_rounds):

        def told(num_done: int, before: int = number * num_utterances) -> None:
            if progress is not None:
                progress(before + num_done, num_rounds * num_utterances)

        loadings, _ = em_round(loadings, statistics, told)
    return loadings


def em_round(
    loadings: Tensor, statistics: Statistics, told: Callable[[int], None] | None = None
) -> tuple[Tensor, float]:
    """Loadings after one more round, and the mean log evidence of an utterance before it."""
    num_components, _, dim = loadings.shape
    num_utterances = len(statistics.counts)
    each_frame = products(loadings)
    weighted = torch.zeros(num_components, dim * dim, dtype=torch.float64)
    crossed = torch.zeros(statistics.sums[0].numel(), dim, dtype=torch.float64)
    second_moment = torch.zeros(dim, dim, dtype=torch.float64)
    log_evidence = 0.0
    for start in range(0, num_utterances, _BLOCK_UTTERANCES):
        block = slice(start, start + _BLOCK_UTTERANCES)
        counts, sums = (values[block].double() for values in statistics)
        found = posterior(Statistics(counts, sums), loadings, each_frame)
        moments = found.covariances + found.means[:, :, None] * found.means[:, None, :]
        weighted += counts.T @ moments.flatten(1)
        crossed += sums.flatten(1).T @ found.means
        second_moment += moments.sum(0)
        log_evidence += float(found.log_evidence.sum())
        if told is not None:
            told(min(start + _BLOCK_UTTERANCES, num_utterances))
    of_component = weighted.unflatten(1, (dim, dim))
    least = _LEAST_SHARE * of_component.diagonal(dim1=1, dim2=2).mean(1) + 1e-10
    of_component = of_component + least[:, None, None] * torch.eye(dim, dtype=torch.float64)
    crossed = crossed.unflatten(0, loadings.shape[:2])
    learnt = torch.linalg.solve(of_component, crossed.transpose(1, 2)).transpose(1, 2)
    # Minimum divergence: in these coordinates the vectors are standard normal.
    return learnt @ torch.linalg.cholesky(second_moment / num_utterances), (
        log_evidence / num_utterances
    )
