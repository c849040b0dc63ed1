"""What every speaker module is: an enrollment waveform goes in, a cue comes out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from wesep_like.audio.fbank import Fbank, PreEmphasisLogMel, WindowName
from wesep_like.audio.feature_masks import FeatureMasks
from wesep_like.config.registry import Registry
from wesep_like.models.cue import SpeakerCue


class SpeakerModule(nn.Module, ABC):
    """Turns an enrollment into a cue. Features are its own business.

    Attributes:
        embed_dim: Width of the embedding; None if it gives none.
        frame_dim: Channels of the frames of its cue; None if it gives none.
        frame_positions: Bands or bins of these frames; None if they have none.
        min_samples: The shortest enrollment that it can take.
        shares_separator: Whether it hears through layers of the separator.
        is_fixed: Whether it comes with its weights and cannot learn.
    """

    embed_dim: int | None = None
    frame_dim: int | None = None
    frame_positions: int | None = None
    min_samples: int
    shares_separator: bool = False
    is_fixed: bool = False

    def frame_sizes(self, number: int) -> tuple[int | None, int | None]:
        """`frame_dim` and `frame_positions` of what the separator's block `number` is told."""
        return self.frame_dim, self.frame_positions

    @abstractmethod
    def forward(self, enrollment: Tensor) -> SpeakerCue:
        """The cue of `enrollment` (batch, samples), every sample of which is heard."""

    def cue(self, enrollment: Tensor, enrollment_samples: Tensor | None = None) -> SpeakerCue:
        """The cue of enrollments of different lengths; padding is never heard.

        Args:
            enrollment: (batch, samples), zeros at the end of the shorter ones.
            enrollment_samples: Length of each, (batch,); None where all are whole.
        """
        return cue_of_each(
            lambda signals, _: self(signals),
            enrollment,
            enrollment_samples,
            is_learnt=self.training,
        )

    def load_pretrained(self) -> None:  # noqa: B027  # most have none
        """Takes the weights that its options name, if any; for training that starts from them.

        Raises:
            ModelFileError: If they cannot be read.
        """

    def merge_branches(self) -> None:  # noqa: B027  # most have none
        """From now on computes the same with less, if parts of it serve training only.

        Where it changes anything, tensors have other names and shapes afterwards.
        """


def cue_of_each(
    hear: Callable[[Tensor, FeatureMasks | None], SpeakerCue],
    enrollment: Tensor,
    enrollment_samples: Tensor | None,
    masks: FeatureMasks | None = None,
    *,
    is_learnt: bool,
) -> SpeakerCue:
    """What `hear` makes of enrollments of different lengths, all of whose samples it hears.

    Each has the masks of its row.

    What is learnt runs as one batch, for BatchNorm wants one: shorter enrollments are repeated to
    the length of the longest. Otherwise those of equal length run together, each exactly as if
    alone. Masks inside every layer would serve in one pass, but would have to be right in every
    convolution and pooling of every encoder; this is right by itself.
    """
    if enrollment_samples is None:
        return hear(enrollment, masks)
    if is_learnt:
        return hear(repeated(enrollment, enrollment_samples), masks)
    lengths = enrollment_samples.tolist()
    cues: dict[int, SpeakerCue] = {}
    for length in sorted(set(lengths)):
        rows = [row for row, other in enumerate(lengths) if other == length]
        together = hear(enrollment[rows, :length], None if masks is None else masks.rows(rows))
        cues |= {row: together.row(place) for place, row in enumerate(rows)}
    return SpeakerCue.stacked([cues[row] for row in range(len(lengths))])


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

    Attributes:
        frame_step: How many frames of features make one of the cue.
    """

    embed_dim: int
    frame_dim: int
    frame_step: int = 1

    def __init__(
        self, sample_rate: int, num_bins: int, window: WindowName, waveform_scale: float
    ) -> None:
        super().__init__()
        self._build_fbank = partial(
            Fbank,
            sample_rate,
            num_bins=num_bins,
            window=window,
            waveform_scale=waveform_scale,
            mean_normalize=True,
        )
        # Published models with other features of the same width put them in its place.
        self.fbank: Fbank | PreEmphasisLogMel = self._build_fbank()
        # Eleven frames, of which the strides of a ResNet leave two for the standard deviation.
        self.min_samples = sample_rate // 8

    def fbank_in_step(self, frame_samples: int, hop_samples: int) -> Fbank:
        """The encoder's features, with frames of other length and step."""
        return self._build_fbank(frame_samples=frame_samples, hop_samples=hop_samples)

    @abstractmethod
    def encode(self, features: Tensor) -> SpeakerCue:
        """The cue of features (batch, bins, frames)."""

    def forward(self, enrollment: Tensor, masks: FeatureMasks | None = None) -> SpeakerCue:
        """The cue of `enrollment` (batch, samples), less what masks hide of its features."""
        with torch.no_grad():  # nothing is learnt before the encoder
            features = self.fbank(enrollment)
        return self.encode(features if masks is None else masks.laid_over(features))


SPEAKERS: Registry[SpeakerModule] = Registry("speaker module", SpeakerModule)
