"""X-vector speaker encoder: a time-delay network with statistics over time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wesep_like.audio.fbank import WindowName
from wesep_like.config.sections import check_sizes
from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.speakers.base import SPEAKERS, FbankEncoder
from wesep_like.models.speakers.pooling import PoolingName, build_pooling

# Frames on each side of one that its layers see: 2 of the first, 2 of the second, 3 of the third.
_CONTEXT = 7
# Of which the context leaves two for the standard deviation.
_FEWEST = 2 * _CONTEXT + 2


class _Tdnn(nn.Module):
    """A convolution over time, without padding; its normalisation has no weights."""

    def __init__(self, in_dim: int, out_dim: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.conv_1d = nn.Conv1d(in_dim, out_dim, kernel, dilation=dilation)
        self.bn = nn.BatchNorm1d(out_dim, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(torch.relu(self.conv_1d(x)))


@SPEAKERS.register("xvector")
class XVector(FbankEncoder):
    """X-vector TDNN (4.6 M parameters); module names are WeSpeaker's.

    Args:
        sample_rate: Hz.
        channels: Width of the frame layers.
        pooled_dim: Width of the last of them, which is pooled.
        embed_dim: Width of the embedding.
        num_bins: Mel bins.
        pooling: How frames become one vector.
        window: Analysis window.
        waveform_scale: What samples in [-1, 1] are multiplied by first.

    Source:
        Snyder et al., "X-Vectors: Robust DNN Embeddings for Speaker Recognition", ICASSP 2018,
        table 1. Deviations: the embedding is the second layer after pooling, as in WeSpeaker; where
        there are fewer than 16 frames, they are heard again from the first.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        channels: int = 512,
        pooled_dim: int = 1500,
        embed_dim: int = 512,
        num_bins: int = 80,
        pooling: PoolingName = "statistics",
        window: WindowName = "hamming",
        waveform_scale: float = 32768.0,
    ) -> None:
        check_sizes(
            channels=channels, pooled_dim=pooled_dim, embed_dim=embed_dim, num_bins=num_bins
        )
        super().__init__(sample_rate, num_bins, window, waveform_scale)
        self.embed_dim = embed_dim
        self.frame_dim = pooled_dim
        self.frame_1 = _Tdnn(num_bins, channels, 5, 1)
        self.frame_2 = _Tdnn(channels, channels, 3, 2)
        self.frame_3 = _Tdnn(channels, channels, 3, 3)
        self.frame_4 = _Tdnn(channels, channels, 1, 1)
        self.frame_5 = _Tdnn(channels, pooled_dim, 1, 1)
        self.pool = build_pooling(pooling, pooled_dim)
        self.seg_1 = nn.Linear(self.pool.out_dim, embed_dim)
        self.seg_bn_1 = nn.BatchNorm1d(embed_dim, affine=False)
        self.seg_2 = nn.Linear(embed_dim, embed_dim)

    def encode(self, features: Tensor) -> SpeakerCue:
        """The cue of features (batch, bins, frames).

        Its frames are what is pooled; at both ends, where there is no context, the nearest again.
        """
        num_frames = features.shape[-1]
        if num_frames < _FEWEST:
            features = features.repeat(1, 1, -(-_FEWEST // num_frames))[..., :_FEWEST]
        x = self.frame_3(self.frame_2(self.frame_1(features)))
        pooled = self.frame_5(self.frame_4(x))
        embedding = self.seg_2(self.seg_bn_1(torch.relu(self.seg_1(self.pool(pooled)))))
        frames = F.pad(pooled, (_CONTEXT, _CONTEXT), mode="replicate")[..., :num_frames]
        return SpeakerCue(embedding, CueFrames(frames))
