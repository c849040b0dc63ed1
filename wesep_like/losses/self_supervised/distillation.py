"""Self-distillation: a student is to say of each crop what a teacher says of another one."""

from __future__ import annotations

import torch
from torch import Tensor


def distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """The cross entropy of what a student says with what a teacher says of another crop.

    Args:
        student: Logits, already divided by a temperature, (crops, batch, outputs).
        teacher: Probabilities of the first of these crops, (long crops, batch, outputs).

    Returns:
        The mean over pairs of different crops, and over the batch.

    Source:
        Caron et al., "Emerging Properties in Self-Supervised Vision Transformers", ICCV 2021,
        eq. 3.
    """
    batch = student.shape[1]
    with torch.autocast(student.device.type, enabled=False):
        entropies = -torch.einsum("tbo,sbo->ts", teacher, student.log_softmax(-1)) / batch
    is_same = torch.eye(len(teacher), len(student), dtype=torch.bool, device=student.device)
    return entropies[~is_same].mean()


def entropy(probabilities: Tensor) -> Tensor:
    """In nats, of (..., outputs), the mean over all others."""
    return -torch.xlogy(probabilities, probabilities).sum(-1).mean()
