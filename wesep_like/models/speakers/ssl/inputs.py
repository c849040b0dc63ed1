"""What the models take: waveforms, or the features of w2v-BERT 2.0."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wesep_like.audio.fbank import Fbank
from wesep_like.models.speakers.ssl.checkpoints import SAMPLE_RATE

_VARIANCE_FLOOR = 1e-7  # that of the published extractors


class WaveformInput(nn.Module):
    """Waveforms as they are, or each with zero mean and unit variance.

    Args:
        normalize: Which of both.
    """

    def __init__(self, normalize: bool) -> None:
        super().__init__()
        self.normalize = normalize

    def forward(self, samples: Tensor) -> Tensor:
        """(batch, samples) -> (batch, samples)."""
        if not self.normalize:
            return samples
        variance, mean = torch.var_mean(samples, dim=-1, correction=0, keepdim=True)
        return (samples - mean) / torch.sqrt(variance + _VARIANCE_FLOOR)


class StackedLogMel(nn.Module):
    """Kaldi's log mel features, normalised over the utterance, two frames side by side.

    Source:
        SeamlessM4TFeatureExtractor of `transformers`. A last frame without a neighbour, which is
        padded and masked there, is left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fbank = Fbank(SAMPLE_RATE, window="povey")

    def forward(self, samples: Tensor) -> Tensor:
        """(batch, samples) -> (batch, frames, 160)."""
        features = self.fbank(samples).transpose(1, 2)
        variance, mean = torch.var_mean(features, dim=1, keepdim=True)
        features = (features - mean) / torch.sqrt(variance + _VARIANCE_FLOOR)
        batch, num_frames, num_bins = features.shape
        pairs = num_frames // 2
        return features[:, : 2 * pairs].reshape(batch, pairs, 2 * num_bins)
