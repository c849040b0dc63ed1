"""Steps that are taken only if all that they are made of is finite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, distributed, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from wesep_like.tasks.gathered import are_several


class FiniteSteps(LightningModule):
    """A task that leaves out a step of which a loss or a gradient is not finite.

    Weights, the optimiser's memory, BatchNorm's statistics and the schedule are then as they were.
    All processes decide alike. What a step costs more is one wait for the device.

    Attributes:
        not_finite: What of the last step was not, `loss` or `gradient`; empty if all was.
        step_ids: The examples of that step, on this process.
    """

    def __init__(self) -> None:
        super().__init__()
        self.not_finite: tuple[str, ...] = ()
        self.step_ids: list[str] = []
        self._losses: list[Tensor] = []
        self._ids: list[str] = []
        self._statistics: list[tuple[Tensor, Tensor]] = []

    def clipped_together(self) -> list[list[nn.Parameter]]:
        """All parameters, in sets whose gradients have one norm each."""
        return [list(self.parameters())]

    def take_note(self, loss: Tensor, ids: Sequence[str]) -> None:
        """Of the loss of a batch, which is that of a step or a part of it, and its examples."""
        self._losses.append(loss.detach())
        self._ids.extend(ids)

    def on_train_start(self) -> None:
        """Takes note of the statistics that steps may have to go back to."""
        kinds = (nn.BatchNorm1d, nn.BatchNorm2d)
        learns = [part for part in self.modules() if isinstance(part, kinds) and part.training]
        live = [buffer for part in learns for buffer in part.buffers(recurse=False)]
        self._statistics = [(buffer, buffer.clone()) for buffer in live]

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clips the norm of each set of gradients, and drops all of them if one is not finite."""
        limit = gradient_clip_val or math.inf  # nothing is clipped, but the norm is computed
        norms = [clip_grad_norm_(parameters, limit) for parameters in self.clipped_together()]
        self.not_finite = self._not_finite(norms)
        self.step_ids, self._ids, self._losses = self._ids, [], []
        for live, kept in self._statistics:
            source, target = (kept, live) if self.not_finite else (live, kept)
            target.copy_(source)
        if self.not_finite:
            # An optimiser passes over weights without a gradient, and what it keeps of them.
            optimizer.zero_grad(set_to_none=True)

    def _not_finite(self, norms: Sequence[Tensor]) -> tuple[str, ...]:
        sums = [sum(self._losses, torch.zeros(())), sum(norms, torch.zeros(()))]
        is_finite = torch.stack([one.to(self.device) for one in sums]).isfinite().int()
        if are_several():
            # Gradients are those of all processes together, a loss is of one.
            distributed.all_reduce(is_finite, distributed.ReduceOp.MIN)
        found = zip(("loss", "gradient"), is_finite.tolist(), strict=True)
        return tuple(name for name, is_fine in found if not is_fine)

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """The schedule counts the steps that are taken."""
        if not self.not_finite:
            super().lr_scheduler_step(scheduler, metric)
