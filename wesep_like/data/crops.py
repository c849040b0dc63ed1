"""Several crops of one utterance, to learn without labels: an example, a batch, what is heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wesep_like.audio.feature_masks import FeatureMasks
from wesep_like.data.simulation.enrollments import Enrollment, EnrollmentClips
from wesep_like.data.tensors import map_tensors


@dataclass(frozen=True)
class SpeechCrops:
    """An example: crops of one utterance.

    Args:
        heard: Plan and samples of each; those of one length together, the longest first.
        sample_rate: Hz.
    """

    id: str
    heard: tuple[tuple[Enrollment, ...], ...]
    sample_rate: int

    @property
    def is_silent(self) -> bool:
        """Whether there is a crop in which nothing is heard of the voice."""
        return any(crop.is_silent for of_length in self.heard for crop in of_length)


@dataclass(frozen=True)
class CropClips:
    """A batch of examples as tensors, to which nothing has been done yet.

    Args:
        lengths: The clips of each length, (crops x batch, samples): first crops, second crops, ...
    """

    ids: list[str]
    lengths: tuple[EnrollmentClips, ...]

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> CropClips:
        """The same clips on another device."""
        return map_tensors(self, lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> CropClips:
        """The same clips in page-locked memory; a DataLoader asks for it."""
        return map_tensors(self, lambda tensor: tensor.pin_memory())


@dataclass(frozen=True)
class Crops:
    """Crops of one length, as many of each utterance.

    Args:
        speech: (crops, batch, samples).
        masks: What of the features is not heard, of (crops x batch); None if all is.
    """

    speech: Tensor
    masks: FeatureMasks | None = None

    def only(self, number: int) -> Crops:
        """One crop of each utterance."""
        batch = self.speech.shape[1]
        rows = list(range(number * batch, (number + 1) * batch))
        masks = None if self.masks is None else self.masks.rows(rows)
        return Crops(self.speech[number : number + 1], masks)


@dataclass(frozen=True)
class CropBatch:
    """What a training step gets.

    Args:
        ids: One an example.
        lengths: The crops of each length, the longest first.
    """

    ids: list[str]
    lengths: tuple[Crops, ...]

    def single(self) -> list[Crops]:
        """Each crop by itself, in order."""
        return [crops.only(n) for crops in self.lengths for n in range(len(crops.speech))]


def collate_crops(examples: Sequence[SpeechCrops]) -> CropClips:
    """Put several examples into tensors; nothing is cut or padded."""
    lengths = []
    for of_length in zip(*(example.heard for example in examples), strict=True):
        in_turn = [crop for crops in zip(*of_length, strict=True) for crop in crops]
        lengths.append(EnrollmentClips.of(in_turn, examples[0].sample_rate))
    return CropClips([example.id for example in examples], tuple(lengths))


def render_crops(clips: CropClips) -> CropBatch:
    """Rooms, noise and effects, on whichever device the clips are; random in nothing."""
    batch = len(clips.ids)
    return CropBatch(
        clips.ids,
        tuple(Crops(of.heard().unflatten(0, (-1, batch)), of.masks) for of in clips.lengths),
    )
