"""Models of several validations, to be averaged later."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from wesep_like.tasks.validated import Validated
from wesep_like.training.kept_folders import PREFIX, best_steps, folder_name


class KeptModels(Callback):
    """Writes the model at each validation, and keeps the best and the last.

    A resumed run takes out the models of the steps that it will do again.

    Args:
        folder: Gets a model file for each; what it keeps no more is removed.
        validated: By what it is told which are better.
        save: Writes the model, as it was validated, into a folder.
        num_best: How many of the best are kept.
        num_last: How many of the last are kept.
    """

    def __init__(
        self,
        folder: Path,
        validated: Validated,
        save: Callable[[Path], None],
        *,
        num_best: int,
        num_last: int,
    ) -> None:
        self._folder = folder
        self._validated = validated
        self._save = save
        self._num_best = num_best
        self._num_last = num_last
        self._values: dict[int, float] = {}  # of what is kept, by step; larger is better

    def on_train_start(self, trainer: Trainer, task: LightningModule) -> None:
        """Removes what the run does not know of; forgets what was removed after its checkpoint."""
        self._values = {
            step: value
            for step, value in self._values.items()
            if (self._folder / folder_name(step)).is_dir()
        }
        self._choose()
        self._remove_others(trainer)

    def on_validation_end(self, trainer: Trainer, task: LightningModule) -> None:
        """Writes the new one and removes what it drives out."""
        step = trainer.global_step
        value = float(trainer.callback_metrics[self._validated.name])
        self._values[step] = self._validated.goodness(value)
        self._choose()
        if step in self._values and trainer.is_global_zero:
            self._save(self._folder / folder_name(step))
        self._remove_others(trainer)

    def _choose(self) -> None:
        best = best_steps(self._values.items(), self._num_best)
        last = sorted(self._values, reverse=True)[: self._num_last]
        self._values = {step: self._values[step] for step in sorted({*best, *last})}

    def _remove_others(self, trainer: Trainer) -> None:
        if not trainer.is_global_zero or not self._folder.is_dir():
            return
        kept = {folder_name(step) for step in self._values}
        for entry in self._folder.iterdir():
            # One that begins with a dot was being written when the run was killed.
            if entry.name.lstrip(".").startswith(PREFIX) and entry.name not in kept:
                shutil.rmtree(entry)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"values": self._values}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """After a resume."""
        self._values = dict(state_dict["values"])
