"""Expectation maximisation for mixtures of Gaussians: from one component to many, by splitting."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from wesep_like.errors import ConfigError
from wesep_like.models.classical.gmm import DiagonalGMM

# Of the variance of all frames; a component of a few frames that are alike would have none.
_LEAST_VARIANCE = 0.01
# A component of fewer frames than this is given up, and the heaviest one split in its place.
_LEAST_FRAMES = 10.0
# How far the halves of a component are put apart, in its deviations.
_SPLIT = 0.2
_ROUNDS_EACH_SPLIT = 4
_BLOCK_FRAMES = 8192  # at a time: their shares of 256 components fit the cache of a CPU


def train_gmm(
    frames: Tensor,
    num_components: int,
    generator: torch.Generator,
    *,
    num_rounds: int = 10,
    progress: Callable[[int, int], None] | None = None,
) -> DiagonalGMM:
    """The mixture under which the frames are likely.

    Components are split, the heaviest first, until there are enough; at each number there are four
    rounds of EM, and `num_rounds` at the end.

    Args:
        frames: (frames, channels).
        num_components: Of the mixture.
        generator: For the directions in which components are split.
        num_rounds: Of EM at the end.
        progress: Told (rounds done, all rounds).

    Raises:
        ConfigError: If there are too few frames for so many components, or no components or rounds.

    Source:
        Reynolds et al., "Speaker verification using adapted Gaussian mixture models", Digital
        Signal Processing 2000; splitting as in Linde, Buzo and Gray, 1980.
    """
    if num_components < 1 or num_rounds < 1:
        raise ConfigError(
            "num_components, num_rounds: expected at least 1 of each, got "
            f"{num_components} and {num_rounds}"
        )
    least = round(_LEAST_FRAMES * num_components)
    if len(frames) < least:
        raise ConfigError(
            f"num_components: {len(frames)} frames of speech are too few for {num_components}. "
            f"Expected {int(len(frames) / _LEAST_FRAMES)} or fewer, or more speech"
        )
    gmm = DiagonalGMM(1, frames.shape[1])
    overall = frames.var(0, correction=0).clamp(min=1e-8)
    gmm.means, gmm.variances = frames.mean(0)[None], overall[None]
    sizes = [1]
    while sizes[-1] < num_components:
        sizes.append(min(2 * sizes[-1], num_components))
    rounds = [_ROUNDS_EACH_SPLIT] * (len(sizes) - 1) + [num_rounds]
    num_done = 0
    for size, num in zip(sizes, rounds, strict=True):
        _split_heaviest(gmm, size - len(gmm.weights), generator)
        for _ in range(num):
            em_round(gmm, frames, _LEAST_VARIANCE * overall, generator)
            num_done += 1
            if progress is not None:
                progress(num_done, sum(rounds))
    return gmm


def em_round(
    gmm: DiagonalGMM, frames: Tensor, least_variances: Tensor, generator: torch.Generator
) -> float:
    """One round of EM, in place; returns the mean log likelihood of a frame before it."""
    num_components, num_channels = gmm.means.shape
    counts = torch.zeros(num_components, dtype=torch.float64)
    moments = torch.zeros(num_components, 2 * num_channels, dtype=torch.float64)
    log_likelihood = 0.0
    for block in frames.split(_BLOCK_FRAMES):
        joint = gmm.log_joint(block)
        log_likelihood += float(joint.logsumexp(1).sum(dtype=torch.float64))
        shares = joint.softmax(1)
        counts += shares.sum(0)
        moments += shares.T @ torch.cat((block, block.square()), dim=1)
    first, second = (moments / counts.clamp(min=1e-10)[:, None]).chunk(2, dim=1)
    gmm.weights = (counts / counts.sum()).to(frames.dtype)
    gmm.means = first.to(frames.dtype)
    variances = (second - first.square()).to(frames.dtype)
    gmm.variances = torch.maximum(variances, least_variances)
    kept = counts >= min(_LEAST_FRAMES, len(frames) / num_components)
    if not kept.all():
        gmm.weights, gmm.means, gmm.variances = (
            values[kept] for values in (gmm.weights, gmm.means, gmm.variances)
        )
        gmm.weights = gmm.weights / gmm.weights.sum()
        _split_heaviest(gmm, num_components - int(kept.sum()), generator)
    return log_likelihood / len(frames)


def _split_heaviest(gmm: DiagonalGMM, num: int, generator: torch.Generator) -> None:
    """`num` further components, each half of one that was heavy; in place."""
    while num > 0:
        now = min(num, len(gmm.weights))
        heaviest = gmm.weights.topk(now).indices
        signs = 2 * torch.randint(2, (now, gmm.means.shape[1]), generator=generator) - 1
        apart = _SPLIT * signs * gmm.variances[heaviest].sqrt()
        weights, means = gmm.weights.clone(), gmm.means.clone()
        weights[heaviest] /= 2
        means[heaviest] += apart
        gmm.weights = torch.cat((weights, weights[heaviest]))
        gmm.means = torch.cat((means, means[heaviest] - 2 * apart))
        gmm.variances = torch.cat((gmm.variances, gmm.variances[heaviest]))
        num -= now
