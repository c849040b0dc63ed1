"""What a training or validation step gets: signals with names."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wesep_like.audio.feature_masks import FeatureMasks
from wesep_like.data.tensors import map_tensors


@dataclass(frozen=True)
class Batch:
    """Rendered examples; signals of unequal length are padded with zeros on the right.

    Without a room, or with a reverberant target, mixture == target + interference + noise to float
    precision. With a dry or early target the rest of the target's reverberation is in the mixture
    only.

    Args:
        ids: One an example.
        mixture: (batch, samples).
        target: (batch, samples), as loud as it is in the mixture.
        mixture_samples: (batch,) int, length of each mixture before padding.
        enrollment: (batch, enroll_samples), other speech of the target speaker.
        enrollment_samples: (batch,) int, length of each enrollment before padding.
        enrollment_keys: The same for the same enrollment samples.
        speakers: (batch,) int, the target's place in the list of training speakers, or -1.
        interferers: (batch, interferers, samples), each as mixed; zeros where there are fewer. Of a
            recorded mixture all that is not the target, as one.
        noise: (batch, samples), as mixed.
        enrollment_masks: What of the enrollment's features is not heard in training; None if all
            is.
    """

    ids: list[str]
    mixture: Tensor
    target: Tensor
    mixture_samples: Tensor
    enrollment: Tensor
    enrollment_samples: Tensor
    enrollment_keys: list[str]
    speakers: Tensor
    interferers: Tensor
    noise: Tensor
    enrollment_masks: FeatureMasks | None = None

    @property
    def interference(self) -> Tensor:
        """The sum of the interferers, (batch, samples)."""
        return self.interferers.sum(dim=1)

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Batch:
        """The same batch on another device."""
        return map_tensors(self, lambda tensor: tensor.to(device, non_blocking=non_blocking))
