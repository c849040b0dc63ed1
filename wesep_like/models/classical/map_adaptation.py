"""A mixture adapted to one speaker, and how much likelier it makes what is heard."""

from __future__ import annotations

import torch
from torch import Tensor

from wesep_like.models.classical.gmm import DiagonalGMM, Statistics

# Log likelihoods in memory at once.
_BLOCK_NUMBERS = 8_000_000


def adapted_means(statistics: Statistics, relevance: float) -> Tensor:
    """How far MAP adaptation moves each mean, in its deviations.

    Args:
        statistics: Of the frames to adapt to.
        relevance: After so many frames of a component, its mean is halfway to theirs.

    Returns:
        (batch, components, channels).

    Source:
        Reynolds et al., "Speaker verification using adapted Gaussian mixture models", Digital
        Signal Processing 2000, equations 11 to 14; weights and variances stay.
    """
    return statistics.sums / (statistics.counts + relevance)[..., None]


def log_likelihood_ratios(gmm: DiagonalGMM, moved: Tensor, frames: Tensor, num_top: int) -> Tensor:
    """How much likelier adapted mixtures make frames than the mixture itself; a mean over frames.

    Of each frame, only the components that are likeliest without adaptation count, in both.

    Args:
        gmm: The universal background model.
        moved: How far each speaker's means are moved, in deviations, (speakers, components,
            channels).
        frames: (frames, channels).
        num_top: How many components count.

    Returns:
        Natural log-likelihood ratios, (speakers,).

    Source:
        Reynolds et al., 2000, section 3.3 and equation 15.
    """
    num_components = len(gmm.weights)
    joint, top = gmm.log_joint(frames).topk(min(num_top, num_components), dim=1)
    without = joint.logsumexp(1)
    # (frame - mean - moved)^2 is (frame - mean)^2 and what is linear in the frame.
    per_deviation = 1 / gmm.variances.sqrt()
    speakers = max(1, _BLOCK_NUMBERS // (len(frames) * num_components))
    ratios = []
    for block in moved.split(speakers):
        constants = -((gmm.means * per_deviation + 0.5 * block) * block).sum(2)
        gains = torch.einsum("fd,skd->fsk", frames, block * per_deviation) + constants
        of_top = gains.gather(2, top[:, None].expand(-1, len(block), -1))
        ratios.append(((joint[:, None] + of_top).logsumexp(2) - without[:, None]).mean(0))
    return torch.cat(ratios)
