"""How a run shows that it moves: a bar in a terminal, lines in a log."""

from __future__ import annotations

import logging
import time
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, TQDMProgressBar

_log = logging.getLogger(__name__)


class StepsBar(TQDMProgressBar):
    """Lightning's bar, which knows no end of an endless epoch, over the steps of the run."""

    @property
    def total_train_batches(self) -> int:
        """All batches of the run."""
        return self.trainer.max_steps * self.trainer.accumulate_grad_batches


class StepLines(Callback):
    """A line for every so many steps.

    Args:
        every: Steps from one line to the next.
    """

    def __init__(self, every: int) -> None:
        self._every = every
        self._since = (0.0, 0)

    def on_train_start(self, trainer: Trainer, task: LightningModule) -> None:
        """Starts the clock."""
        self._since = (time.perf_counter(), trainer.global_step)

    def on_train_batch_end(self, trainer: Trainer, task: LightningModule, *rest: Any) -> None:
        """Says the loss, and how long a step has taken since the last line."""
        step, (then, before) = trainer.global_step, self._since
        if step == before or step % self._every:
            return
        now = time.perf_counter()
        _log.info(
            "step %d of %d: loss %.3f, %.2f s a step",
            step,
            trainer.max_steps,
            float(trainer.callback_metrics["train/loss"]),
            (now - then) / (step - before),
        )
        self._since = (now, step)
