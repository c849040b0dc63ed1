"""One voice alone, with all that may happen to it: samples of one, a batch, and what is heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wesep_like.audio.feature_masks import FeatureMasks
from wesep_like.audio.levels import is_silent
from wesep_like.data.rooms.response import Response
from wesep_like.data.simulation.augmentation.enrollments import EnrollmentChanges, masks_of
from wesep_like.data.simulation.plans import EnrollmentPlan


@dataclass(frozen=True)
class Enrollment:
    """A plan and the samples that it names, all at one sample rate.

    Args:
        samples: (samples,), at its speed, as recorded.
        response: Of its room; None for no room, or one whose response is computed in rendering.
        noise: (samples,), or None.
    """

    plan: EnrollmentPlan
    samples: np.ndarray
    response: Response | None = None
    noise: np.ndarray | None = None

    @property
    def is_silent(self) -> bool:
        """Whether nothing is heard of the voice."""
        return bool(is_silent(self.samples))


@dataclass(frozen=True)
class EnrollmentClips:
    """A batch of them as tensors.

    Args:
        samples: (batch, samples), padded with zeros on the right.
        num_samples: (batch,) int, length of each before padding.
        keys: The same for the same samples as heard.
        changes: What is done to them; None if nothing.
        masks: For their features; None if there are none.
    """

    samples: Tensor
    num_samples: Tensor
    keys: list[str]
    changes: EnrollmentChanges | None
    masks: FeatureMasks | None

    @staticmethod
    def of(enrollments: Sequence[Enrollment], sample_rate: int) -> EnrollmentClips:
        """From one a row; nothing is cut."""
        lengths = [len(enrollment.samples) for enrollment in enrollments]
        samples = torch.zeros(len(enrollments), max(lengths))
        for row, enrollment in enumerate(enrollments):
            samples[row, : lengths[row]] = torch.from_numpy(enrollment.samples)
        plans = [enrollment.plan for enrollment in enrollments]
        return EnrollmentClips(
            samples=samples,
            num_samples=torch.tensor(lengths),
            keys=[plan.key for plan in plans],
            changes=EnrollmentChanges.of(
                plans,
                [enrollment.response for enrollment in enrollments],
                [enrollment.noise for enrollment in enrollments],
                samples,
                sample_rate,
            ),
            masks=masks_of(plans),
        )

    def heard(self) -> Tensor:
        """What is heard (batch, samples), each as powerful as it was; the clips stay as they are.

        Batched, on whichever device the clips are; random in nothing.
        """
        if self.changes is None:
            return self.samples
        places = torch.arange(self.samples.shape[-1], device=self.samples.device)
        return self.changes.on(self.samples, places < self.num_samples[:, None])
