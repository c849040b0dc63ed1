"""What every speaker module is: an enrollment waveform goes in, a cue comes out."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from wesep_like.audio.fbank import Fbank, PreEmphasisLogMel, WindowName
from wesep_like.config.registry import Registry
from wesep_like.models.cue import SpeakerCue


class SpeakerModule(nn.Module, ABC):
    """Turns an enrollment into a cue. Features are its own business.

    Attributes:
        embed_dim: Width of the embedding.
        min_samples: The shortest enrollment that it can take.
        shares_separator: Whether it hears through layers of the separator.
    """

    embed_dim: int
    min_samples: int
    shares_separator: bool = False

    @abstractmethod
    def forward(self, enrollment: Tensor) -> SpeakerCue:
        """The cue of `enrollment` (batch, samples), every sample of which is heard."""

    def cue(self, enrollment: Tensor, enrollment_samples: Tensor | None = None) -> SpeakerCue:
        """The cue of enrollments of different lengths; padding is never heard.

        Args:
            enrollment: (batch, samples), zeros at the end of the shorter ones.
            enrollment_samples: Length of each, (batch,); None where all are whole.

        What is learnt runs as one batch, for BatchNorm wants one: shorter enrollments are repeated
        to the length of the longest. Otherwise those of equal length run together, each exactly as
        if alone. Masks inside every layer would serve in one pass, but would have to be right in
        every convolution and pooling of every encoder; this is right by itself.
        """
        if enrollment_samples is None:
            return self(enrollment)
        if self.training:
            return self(repeated(enrollment, enrollment_samples))
        lengths = enrollment_samples.tolist()
        embeddings: list[Tensor | None] = [None] * len(lengths)
        for length in sorted(set(lengths)):
            rows = [row for row, other in enumerate(lengths) if other == length]
            found = self(enrollment[rows, :length]).embedding
            for row, embedding in zip(rows, found, strict=True):
                embeddings[row] = embedding
        return SpeakerCue(torch.stack([e for e in embeddings if e is not None]))


def repeated(signals: Tensor, num_samples: Tensor) -> Tensor:
    """Signals (batch, samples) with their padding replaced by the signal again, from its start.

    Args:
        num_samples: Length of each without padding, (batch,).
    """
    places = torch.arange(signals.shape[-1], device=signals.device) % num_samples[:, None]
    return signals.gather(-1, places)


class FbankEncoder(SpeakerModule):
    """A speaker encoder on mean-normalised Kaldi filterbank features.

    Args:
        sample_rate: Hz.
        num_bins: Mel bins.
        window: Analysis window.
        waveform_scale: What samples in [-1, 1] are multiplied by first.
    """

    def __init__(
        self, sample_rate: int, num_bins: int, window: WindowName, waveform_scale: float
    ) -> None:
        super().__init__()
        # Published models with other features of the same width put them in its place.
        self.fbank: Fbank | PreEmphasisLogMel = Fbank(
            sample_rate,
            num_bins=num_bins,
            window=window,
            waveform_scale=waveform_scale,
            mean_normalize=True,
        )
        # Eleven frames, of which the strides of a ResNet leave two for the standard deviation.
        self.min_samples = sample_rate // 8

    @abstractmethod
    def encode(self, features: Tensor) -> Tensor:
        """Features (batch, bins, frames) -> embeddings (batch, embed)."""

    def forward(self, enrollment: Tensor) -> SpeakerCue:
        """The cue of `enrollment` (batch, samples)."""
        with torch.no_grad():  # nothing is learnt before the encoder
            features = self.fbank(enrollment)
        return SpeakerCue(self.encode(features))


SPEAKERS: Registry[SpeakerModule] = Registry("speaker module", SpeakerModule)
