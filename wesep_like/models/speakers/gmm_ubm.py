"""GMM-UBM: a universal background model, and speakers as what their speech makes of its means."""

from __future__ import annotations

import torch
from torch import Tensor

from wesep_like.config.sections import check_sizes
from wesep_like.errors import ConfigError
from wesep_like.models.classical.gmm import Statistics
from wesep_like.models.classical.map_adaptation import adapted_means, log_likelihood_ratios
from wesep_like.models.speakers.base import SPEAKERS
from wesep_like.models.speakers.gmm_encoder import GMMEncoder


@SPEAKERS.register("gmm_ubm")
class GMMUBM(GMMEncoder):
    """A mixture of many speakers, whose means are adapted to one.

    The embedding is the supervector: how far each mean is moved, in its deviations, times the root
    of its weight. Two recordings are compared by `log_likelihood_ratios`, of the frames of one
    under the means of the other; the cosine of two supervectors approximates it.

    Args:
        sample_rate: Hz.
        num_components: Of the mixture.
        num_cepstra: See `MFCC`.
        num_bins: Mel bins.
        relevance: After so many frames of a component, its mean is halfway to theirs.
        num_top: How many components count of each frame, in the ratio.

    Raises:
        ConfigError: As `GMMEncoder`, or if no component or no relevance is to count.

    Source:
        Reynolds et al., "Speaker verification using adapted Gaussian mixture models", Digital
        Signal Processing 2000; only means are adapted. The supervector is that of Campbell et al.,
        "Support vector machines using GMM supervectors for speaker verification", IEEE SPL 2006.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        num_components: int = 256,
        num_cepstra: int = 20,
        num_bins: int = 40,
        relevance: float = 16.0,
        num_top: int = 5,
    ) -> None:
        super().__init__(sample_rate, num_components, num_cepstra, num_bins)
        check_sizes(num_top=num_top)
        if relevance <= 0:
            raise ConfigError(f"relevance: expected more than 0 frames, got {relevance:g}")
        self.embed_dim = num_components * self.frame_dim
        self.relevance = relevance
        self.num_top = num_top

    def embed(self, statistics: Statistics) -> Tensor:
        """Supervectors, (batch, components times channels)."""
        moved = adapted_means(statistics, self.relevance)
        return (moved * self.gmm.weights.sqrt()[:, None]).flatten(1)

    @torch.no_grad()
    def log_likelihood_ratios(self, embeddings: Tensor, frames: Tensor) -> Tensor:
        """How much likelier one recording is if it is of each of several speakers.

        Args:
            embeddings: Of the speakers, (speakers, embed).
            frames: Of the recording, (channels, frames), as its cue has them.

        Returns:
            Natural log-likelihood ratios, means over the frames, (speakers,).
        """
        moved = embeddings.unflatten(1, self.gmm.means.shape) / self.gmm.weights.sqrt()[:, None]
        return log_likelihood_ratios(self.gmm, moved, frames.T, self.num_top)
