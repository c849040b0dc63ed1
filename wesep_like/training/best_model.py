"""The best model so far, as a model file."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

_log = logging.getLogger(__name__)


class BestModel(Callback):
    """Writes the model whenever a validation was the best.

    Args:
        metric: Its name in the logs; larger is better.
        save: Writes the model as it was validated.
    """

    def __init__(self, metric: str, save: Callable[[], None]) -> None:
        self._metric = metric
        self._save_model = save
        self._best: float | None = None

    def on_validation_end(self, trainer: Trainer, task: LightningModule) -> None:
        """Compares and writes."""
        value = float(trainer.callback_metrics[self._metric])
        # After one that is not a number, any is better.
        is_best = self._best is None or math.isnan(self._best) or value > self._best
        mark = ", the best so far" if is_best else ""
        _log.info("step %d: %s %.3f%s", trainer.global_step, self._metric, value, mark)
        if is_best:
            self._best = value
            self._save(trainer)

    def on_train_end(self, trainer: Trainer, task: LightningModule) -> None:
        """A run too short for a validation leaves the model that it ends with."""
        if self._best is None:
            self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        if trainer.is_global_zero:
            self._save_model()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """After a resume."""
        self._best = state_dict["best"]
