"""The numbers of a run as a table that any tool reads."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from wesep_like.config.atomic import atomic_path
from wesep_like.training.optimizers import learning_rate


class MetricsFile(Callback):
    """`metrics.csv`: a row for every so many steps and for every validation, columns by metric.

    A resumed run takes out the rows of the steps that it will do again.

    Args:
        path: The file.
        every: Steps from one row to the next.
    """

    def __init__(self, path: Path, every: int) -> None:
        self._path = path
        self._every = every
        self._rows: list[dict[str, str]] = []
        self._learning_rate = 0.0

    def on_train_start(self, trainer: Trainer, task: LightningModule) -> None:
        """Keeps what an earlier part of this run wrote."""
        if self._path.is_file() and trainer.global_step > 0:
            with self._path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            self._rows = [row for row in rows if int(row["step"]) <= trainer.global_step]

    def on_train_batch_start(self, trainer: Trainer, task: LightningModule, *rest: Any) -> None:
        """Takes note of the step's learning rate: at its end, the schedule has moved on."""
        self._learning_rate = learning_rate(trainer.optimizers[0])

    def on_train_batch_end(self, trainer: Trainer, task: LightningModule, *rest: Any) -> None:
        """A row of what the step logged."""
        step = trainer.global_step
        # A batch whose gradients are only added up is no step.
        is_new = step > (int(self._rows[-1]["step"]) if self._rows else 0)
        if is_new and (step % self._every == 0 or step == 1):
            rates = {"learning_rate": f"{self._learning_rate:.6g}"}
            self._write(trainer, step, "train/", rates)

    def on_validation_end(self, trainer: Trainer, task: LightningModule) -> None:
        """A row of what the validation logged."""
        self._write(trainer, trainer.global_step, "valid/", {})

    def _write(self, trainer: Trainer, step: int, kind: str, more: dict[str, str]) -> None:
        if not trainer.is_global_zero:
            return
        logged = trainer.callback_metrics.items()
        found = {name: f"{float(value):.6g}" for name, value in logged if name.startswith(kind)}
        self._rows.append({"step": str(step), **more, **found})
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        # The whole file, which is small, so that it can be read at any time.
        with (
            atomic_path(self._path) as draft,
            draft.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(self._rows)
