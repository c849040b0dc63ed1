"""The best model so far, as a model file."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from wesep_like.tasks.validated import Validated

_log = logging.getLogger(__name__)


class BestModel(Callback):
    """Writes the model whenever a validation was the best.

    Args:
        validated: By what it is told which is better.
        save: Writes the model as it was validated.
    """

    def __init__(self, validated: Validated, save: Callable[[], None]) -> None:
        self._validated = validated
        self._save_model = save
        self._best: float | None = None  # its goodness

    def on_validation_end(self, trainer: Trainer, task: LightningModule) -> None:
        """Compares and writes."""
        value = float(trainer.callback_metrics[self._validated.name])
        goodness = self._validated.goodness(value)
        # After one that is not a number, any is better.
        is_best = self._best is None or math.isnan(self._best) or goodness > self._best
        mark = ", the best so far" if is_best else ""
        _log.info("step %d: %s%s", trainer.global_step, self._validated.told(value), mark)
        if is_best:
            self._best = goodness
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
