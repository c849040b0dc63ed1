"""The best model so far, as a model file."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from wesep_like.models.model_file import save_model

_log = logging.getLogger(__name__)


class BestModel(Callback):
    """Writes the task's model whenever a validation was the best.

    Args:
        folder: The model file.
        metric: Its name in the logs; larger is better.
        config: The resolved config.
    """

    def __init__(self, folder: Path, metric: str, config: Mapping[str, Any]) -> None:
        self._folder = folder
        self._metric = metric
        self._config = config
        self._best: float | None = None

    def on_validation_end(self, trainer: Trainer, task: LightningModule) -> None:
        """Compares and writes."""
        value = float(trainer.callback_metrics[self._metric])
        is_best = self._best is None or value > self._best
        mark = ", the best so far" if is_best else ""
        _log.info("step %d: %s %.3f%s", trainer.global_step, self._metric, value, mark)
        if is_best:
            self._best = value
            self._save(trainer, task)

    def on_train_end(self, trainer: Trainer, task: LightningModule) -> None:
        """A run too short for a validation leaves the model that it ends with."""
        if self._best is None:
            self._save(trainer, task)

    def _save(self, trainer: Trainer, task: LightningModule) -> None:
        if trainer.is_global_zero:
            save_model(self._folder, task.get_submodule("model"), self._config)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """After a resume."""
        self._best = state_dict["best"]
