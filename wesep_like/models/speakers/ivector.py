"""The i-vector: an utterance as a point among the directions in which utterances differ."""

from __future__ import annotations

import torch
from torch import Tensor

from wesep_like.config.sections import check_sizes
from wesep_like.models.classical.gmm import Statistics
from wesep_like.models.classical.total_variability import posterior, products
from wesep_like.models.speakers.base import SPEAKERS
from wesep_like.models.speakers.gmm_encoder import GMMEncoder


@SPEAKERS.register("ivector")
class IVector(GMMEncoder):
    """The mean of the vector of total variability, given the utterance.

    Args:
        sample_rate: Hz.
        embed_dim: Of the i-vector.
        num_components: Of the mixture.
        num_cepstra: See `MFCC`.
        num_bins: Mel bins.

    Raises:
        ConfigError: As `GMMEncoder`, or if the i-vector has no numbers.

    Source:
        Dehak et al., "Front-end factor analysis for speaker verification", IEEE TASLP 2011. The
        residual variances are those of the mixture.
    """

    loadings: Tensor
    each_frame: Tensor | None

    def __init__(
        self,
        sample_rate: int,
        *,
        embed_dim: int = 200,
        num_components: int = 256,
        num_cepstra: int = 20,
        num_bins: int = 40,
    ) -> None:
        super().__init__(sample_rate, num_components, num_cepstra, num_bins)
        check_sizes(embed_dim=embed_dim)
        self.embed_dim = embed_dim
        loadings = 0.1 * torch.randn(num_components, self.frame_dim, embed_dim)
        self.register_buffer("loadings", loadings)
        self.register_buffer("each_frame", None, persistent=False)

    def embed(self, statistics: Statistics) -> Tensor:
        """I-vectors, (batch, embed)."""
        loadings = self.loadings.double()
        each_frame = products(loadings) if self.each_frame is None else self.each_frame
        doubles = Statistics(statistics.counts.double(), statistics.sums.double())
        return posterior(doubles, loadings, each_frame).means.float()

    def merge_branches(self) -> None:
        """Keeps what is the same for every utterance."""
        self.each_frame = products(self.loadings.double())
