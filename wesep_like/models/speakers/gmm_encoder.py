"""What speaker modules that hear by a mixture of Gaussians have in common."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from wesep_like.audio.mfcc import MFCC
from wesep_like.audio.precision import full_precision
from wesep_like.config.sections import check_sizes
from wesep_like.errors import ConfigError
from wesep_like.models.classical.gmm import DiagonalGMM, Statistics
from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.speakers.base import SpeakerModule


class GMMEncoder(SpeakerModule):
    """Cepstra, a universal background model, and an embedding of their statistics.

    It is learnt by `wesep-like baseline`, not by gradients. The frames of its cue are the cepstra
    of speech.

    Args:
        sample_rate: Hz.
        num_components: Of the mixture.
        num_cepstra: See `MFCC`.
        num_bins: Mel bins.

    Raises:
        ConfigError: If there are no components or cepstra, or more cepstra than bins.
    """

    embed_dim: int
    frame_dim: int

    def __init__(
        self, sample_rate: int, num_components: int, num_cepstra: int, num_bins: int
    ) -> None:
        super().__init__()
        check_sizes(num_components=num_components, num_cepstra=num_cepstra, num_bins=num_bins)
        if num_cepstra > num_bins:
            raise ConfigError(
                f"num_cepstra: expected at most num_bins ({num_bins}), got {num_cepstra}"
            )
        self.mfcc = MFCC(sample_rate, num_cepstra=num_cepstra, num_bins=num_bins)
        self.gmm = DiagonalGMM(num_components, self.mfcc.num_channels)
        self.frame_dim = self.mfcc.num_channels
        self.min_samples = sample_rate // 10

    @abstractmethod
    def embed(self, statistics: Statistics) -> Tensor:
        """Embeddings (batch, embed)."""

    @torch.no_grad()
    def statistics(self, enrollment: Tensor) -> Statistics:
        """Those of the frames of speech in `enrollment` (batch, samples)."""
        features, is_speech = self.mfcc(enrollment)
        with full_precision(enrollment.device):
            return self.gmm.statistics(features.transpose(1, 2), is_speech)

    @torch.no_grad()
    def forward(self, enrollment: Tensor) -> SpeakerCue:
        """The cue of `enrollment` (batch, samples)."""
        features, is_speech = self.mfcc(enrollment)
        with full_precision(enrollment.device):
            statistics = self.gmm.statistics(features.transpose(1, 2), is_speech)
            return SpeakerCue(self.embed(statistics), _frames_of_speech(features, is_speech))


def _frames_of_speech(features: Tensor, is_speech: Tensor) -> CueFrames:
    """Those of (batch, channels, frames), moved to the front in their order."""
    order = is_speech.int().argsort(dim=1, descending=True, stable=True)
    moved = features.gather(2, order[:, None].expand(features.shape))
    frames = CueFrames(moved, is_speech.sum(1))
    return frames.row(0) if len(features) == 1 else frames
