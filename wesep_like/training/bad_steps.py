"""Steps that were left out, as something in them was not finite: counted, told, and too many."""

from __future__ import annotations

import logging
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from wesep_like.errors import TrainingError
from wesep_like.tasks.finite import FiniteSteps
from wesep_like.tasks.gathered import gathered

_log = logging.getLogger(__name__)


class BadSteps(Callback):
    """Logs `train/bad_steps`, how many steps of the run a task of `FiniteSteps` has left out.

    Stands before callbacks that write what was logged.

    Args:
        most_in_a_row: So many, and the run ends.
    """

    def __init__(self, most_in_a_row: int) -> None:
        self._most_in_a_row = most_in_a_row
        self._last_step = 0
        self._num = 0
        self._num_in_a_row = 0

    def on_train_start(self, trainer: Trainer, task: LightningModule) -> None:
        """Takes note of where the run begins or goes on."""
        self._last_step = trainer.global_step

    def on_train_batch_end(self, trainer: Trainer, task: LightningModule, *rest: Any) -> None:
        """After a step; a batch whose gradients are only added up is none.

        Raises:
            TrainingError: If too many steps in a row were left out.
        """
        step = trainer.global_step
        if step == self._last_step or not isinstance(task, FiniteSteps):
            return
        self._last_step = step
        if task.not_finite:
            self._num += 1
            self._num_in_a_row += 1
            self._tell(step, task, trainer)
        else:
            self._num_in_a_row = 0
        # Made on the device: a number from here would have to wait for it.
        count = torch.full((), float(self._num), device=task.device)
        task.log("train/bad_steps", count, batch_size=1)

    def _tell(self, step: int, task: FiniteSteps, trainer: Trainer) -> None:
        what = " and ".join(task.not_finite)
        ids = [one for ids in gathered(task.step_ids) for one in ids]
        # In fp16 the loss is scaled up, as far as gradients stay finite; the first steps find out.
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        scale = "" if scaler is None else f"; the loss is scaled by {scaler.get_scale():g} now"
        _log.warning(
            "step %d left out: %s not finite, examples %s%s", step, what, ", ".join(ids), scale
        )
        if self._num_in_a_row >= self._most_in_a_row:
            raise TrainingError(
                f"step {step}: {self._num_in_a_row} steps in a row were left out, as {what} was "
                "not finite (trainer.max_bad_steps). The weights are those from before. Resume "
                "with trainer.precision=fp32, look at the examples that the warnings name, or "
                "begin anew with a lower optimizer.learning_rate or more schedule.warmup_steps"
            )

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"num": self._num, "num_in_a_row": self._num_in_a_row}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """After a resume."""
        self._num = state_dict["num"]
        self._num_in_a_row = state_dict["num_in_a_row"]
