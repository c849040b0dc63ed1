"""Speech of one speaker, for plain speaker encoders: an example, a batch, and what is heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wesep_like.audio.feature_masks import FeatureMasks
from wesep_like.data.simulation.enrollments import Enrollment, EnrollmentClips
from wesep_like.data.tensors import map_tensors


@dataclass(frozen=True)
class Speech:
    """An example: a voice alone.

    Args:
        heard: Its plan and samples.
        sample_rate: Hz.
        speaker: The class that it belongs to, or -1.
    """

    id: str
    heard: Enrollment
    sample_rate: int
    speaker: int = -1

    @property
    def is_silent(self) -> bool:
        """Whether nothing is heard of the voice."""
        return self.heard.is_silent


@dataclass(frozen=True)
class SpeechClips:
    """A batch of examples as tensors, to which nothing has been done yet.

    Args:
        speech: (batch, samples), with what is to be done.
        speakers: (batch,) int.
    """

    ids: list[str]
    speech: EnrollmentClips
    speakers: Tensor

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> SpeechClips:
        """The same clips on another device."""
        return map_tensors(self, lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> SpeechClips:
        """The same clips in page-locked memory; a DataLoader asks for it."""
        return map_tensors(self, lambda tensor: tensor.pin_memory())


@dataclass(frozen=True)
class SpeechBatch:
    """What a training or validation step gets.

    Args:
        ids: One an example.
        speech: (batch, samples), padded with zeros on the right.
        num_samples: (batch,) int, length of each before padding.
        speakers: (batch,) int, the class of each, or -1.
        masks: What of the features is not heard in training; None if all is.
    """

    ids: list[str]
    speech: Tensor
    num_samples: Tensor
    speakers: Tensor
    masks: FeatureMasks | None = None


def collate_speech(examples: Sequence[Speech]) -> SpeechClips:
    """Put several examples into padded tensors; nothing is cut."""
    return SpeechClips(
        [example.id for example in examples],
        EnrollmentClips.of([example.heard for example in examples], examples[0].sample_rate),
        torch.tensor([example.speaker for example in examples]),
    )


def render_speech(clips: SpeechClips) -> SpeechBatch:
    """Rooms, noise and effects, on whichever device the clips are; random in nothing."""
    speech = clips.speech
    return SpeechBatch(clips.ids, speech.heard(), speech.num_samples, clips.speakers, speech.masks)
