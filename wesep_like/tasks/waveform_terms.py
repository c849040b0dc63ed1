"""The terms of a loss that compare estimates with what should be heard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wesep_like.data.batch import Batch
from wesep_like.losses import AbsentTargetLoss, WaveformLoss


@dataclass(frozen=True)
class Weighted:
    """A loss on the waveform, its name in the logs and its weight in the sum.

    Attributes:
        name: In the logs.
        loss: Compares an estimate with the target.
        weight: In the sum.
        estimate: Which of the separator's estimates it looks at; 0 is the answer.
    """

    name: str
    loss: WaveformLoss
    weight: float
    estimate: int = 0


def waveform_terms(
    losses: Sequence[Weighted], absent_loss: AbsentTargetLoss, estimates: Tensor, batch: Batch
) -> tuple[dict[str, Tensor], Tensor]:
    """Each term by name, unweighted, and their weighted sum.

    A term is the mean over those that have it: an example's target speaks or is absent. In the
    sum each example counts alike, and so it does among processes with batches of one size.

    Args:
        losses: Of estimates, where the target speaks.
        absent_loss: Of the answer, where it does not: the term `absent`.
        estimates: (batch, estimates, samples); the first is the answer.
        batch: What they were made from.
    """
    speaks = batch.has_target.tolist()
    terms: dict[str, Tensor] = {}
    total = estimates.new_zeros(())
    if any(speaks):
        rows = _rows(speaks, True)
        lengths, target = batch.mixture_samples[rows], batch.target[rows]
        for weighted in losses:
            estimate = estimates[rows, weighted.estimate]
            terms[weighted.name] = _without_padding(weighted.loss, estimate, target, lengths).mean()
        of_present = sum(weighted.weight * terms[weighted.name] for weighted in losses)
        total = total + sum(speaks) / len(speaks) * of_present
    if not all(speaks):
        rows = _rows(speaks, False)
        lengths, mixture = batch.mixture_samples[rows], batch.mixture[rows]
        terms["absent"] = _without_padding(absent_loss, estimates[rows, 0], mixture, lengths).mean()
        total = total + (1 - sum(speaks) / len(speaks)) * terms["absent"]
    return terms, total


def _rows(is_in: Sequence[bool], wanted: bool) -> list[int] | slice:
    """Where `is_in` is as wanted, as an index."""
    if all(one is wanted for one in is_in):
        return slice(None)
    return [row for row, one in enumerate(is_in) if one is wanted]


def _without_padding(
    loss: Callable[[Tensor, Tensor], Tensor], estimate: Tensor, other: Tensor, num_samples: Tensor
) -> Tensor:
    """The loss of each item (batch,), whose padding is no part of it."""
    lengths = num_samples.tolist()
    if min(lengths) == estimate.shape[-1]:
        return loss(estimate, other)
    pairs = zip(estimate, other, lengths, strict=True)
    return torch.cat([loss(one[None, :n], its[None, :n]) for one, its, n in pairs])
