"""Filters that take waveforms apart and put them together again, for the time-domain separators."""

from __future__ import annotations

from typing import Literal

import torch
from asteroid_filterbanks import Decoder, Encoder, make_enc_dec
from torch import Tensor, nn

from wesep_like.audio.units import to_samples
from wesep_like.errors import ConfigError

FilterbankName = Literal["free", "analytic_free", "param_sinc"]


class Filterbank(nn.Module):
    """Analysis of waveforms into frames, and synthesis.

    Args:
        num_filters: How many; for `analytic_free` the quadrature pairs count twice.
        filter_samples: Length of each.
        hop_samples: Step between frames.
        sample_rate: Hz.
        kind: By its name in asteroid-filterbanks; `free` is learnt from noise on.
        bias: Add a number to each frame of a filter, and one to the waveform.

    Source:
        Pariente et al., "Filterbank design for end-to-end speech separation", ICASSP 2020.
    """

    def __init__(
        self,
        num_filters: int,
        filter_samples: int,
        hop_samples: int,
        sample_rate: int,
        *,
        kind: FilterbankName = "free",
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.filter_samples = filter_samples
        self.hop_samples = hop_samples
        sizes = (num_filters, filter_samples, hop_samples, sample_rate)
        self.analysis: Encoder
        self.synthesis: Decoder
        self.analysis, self.synthesis = make_enc_dec(kind, *sizes)
        self.analysis_bias = nn.Parameter(torch.zeros(num_filters, 1)) if bias else None
        self.synthesis_bias = nn.Parameter(torch.zeros(1)) if bias else None

    def analyse(self, samples: Tensor) -> Tensor:
        """(batch, samples) -> (batch, filters, frames): only frames that are whole."""
        frames = self.analysis(samples.unsqueeze(1))
        return frames if self.analysis_bias is None else frames + self.analysis_bias

    def synthesise(self, frames: Tensor) -> Tensor:
        """(batch, filters, frames) -> (batch, samples), from the first frame to the last."""
        samples = self.synthesis(frames).squeeze(1)
        return samples if self.synthesis_bias is None else samples + self.synthesis_bias


def filter_length(filter_ms: float, sample_rate: int) -> int:
    """Samples of a filter whose step is half of it, for an option `filter_ms`.

    Raises:
        ConfigError: If that leaves no step.
    """
    length = to_samples(filter_ms / 1000, sample_rate)
    if length < 2:
        raise ConfigError(
            f"filter_ms: expected at least two samples at {sample_rate} Hz, got {filter_ms}"
        )
    return length


def whole_frames(samples: Tensor, filter_samples: int, hop_samples: int) -> Tensor:
    """`samples` (batch, samples), with zeros at the end until each is in a whole frame."""
    beyond = max(0, samples.shape[-1] - filter_samples)
    num_samples = filter_samples + -(-beyond // hop_samples) * hop_samples
    return nn.functional.pad(samples, (0, num_samples - samples.shape[-1]))
