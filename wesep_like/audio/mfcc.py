"""Mel-frequency cepstra and their slopes, for classical speaker models; batched, any device."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from wesep_like.audio.fbank import Fbank
from wesep_like.audio.precision import full_precision

# A frame of speech may be so far below what the loudest twentieth of the frames reach; as in `vad`.
_RANGE_DB = 30.0
_LOUD_SHARE = 0.95
_DB = 10 / math.log(10)  # per unit of a natural logarithm of power
# A slope is that of the line nearest to five frames.
_SLOPE_FRAMES = 2


class Cepstra(NamedTuple):
    """Features of a batch, and which of its frames are speech."""

    features: Tensor  # (batch, channels, frames)
    is_speech: Tensor  # (batch, frames); at least one in each row


class MFCC(nn.Module):
    """Cepstra and their first and second slopes, with mean 0 over the frames of speech.

    Cepstra are the orthonormal DCT-II of the log mel energies of Kaldi's frames, the zeroth among
    them. Speech is what is less than 30 dB softer than the loudest twentieth of the frames; the
    other frames are there too. Variances stay, for they tell of the voice.

    Args:
        sample_rate: Hz.
        num_cepstra: How many; there are three times as many channels.
        num_bins: Mel bins.
    """

    cosines: Tensor

    def __init__(self, sample_rate: int, *, num_cepstra: int = 20, num_bins: int = 40) -> None:
        super().__init__()
        self.fbank = Fbank(sample_rate, num_bins=num_bins)
        self.num_channels = 3 * num_cepstra
        places = np.pi / num_bins * (np.arange(num_bins) + 0.5)
        cosines = np.sqrt(2 / num_bins) * np.cos(np.arange(num_cepstra)[:, None] * places)
        cosines[0] /= np.sqrt(2)
        self.register_buffer(
            "cosines", torch.as_tensor(cosines, dtype=torch.float32), persistent=False
        )

    def forward(self, samples: Tensor) -> Cepstra:
        """The cepstra of (batch, samples).

        Raises:
            AudioError: If there are too few samples for one frame.
        """
        with full_precision(samples.device):
            energies = self.fbank(samples)
            levels_db = _DB * energies.logsumexp(1)
            loud = levels_db.quantile(_LOUD_SHARE, dim=1, keepdim=True)
            is_speech = levels_db >= loud - _RANGE_DB
            cepstra = self.cosines @ energies
            slopes = _slopes(cepstra)
            channels = torch.cat((cepstra, slopes, _slopes(slopes)), dim=1)
            means = (channels * is_speech[:, None]).sum(-1) / is_speech.sum(-1, keepdim=True)
            return Cepstra(channels - means[..., None], is_speech)


def _slopes(values: Tensor) -> Tensor:
    """How fast each channel of (batch, channels, frames) rises; the ends go on as they are."""
    num_frames = values.shape[-1]
    padded = pad(values, (_SLOPE_FRAMES, _SLOPE_FRAMES), mode="replicate")
    steps = range(-_SLOPE_FRAMES, _SLOPE_FRAMES + 1)
    shifted = (step * padded.narrow(-1, _SLOPE_FRAMES + step, num_frames) for step in steps)
    return sum(shifted, torch.zeros_like(values)) / sum(step**2 for step in steps)
