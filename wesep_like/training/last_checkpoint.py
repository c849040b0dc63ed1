"""The state to resume from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint


class LastCheckpoint(Checkpoint):
    """Writes one checkpoint again and again.

    Lightning's own is written before the validation of its step and does not know what that
    found; a resumed run could then take a worse model for the best.

    Stands after other checkpoints, whose state it keeps; callbacks of another kind Lightning calls
    before all checkpoints.

    Args:
        path: The checkpoint.
        every: Steps from one writing to the next.
        validate_every: Steps from one validation to the next.
    """

    def __init__(self, path: Path, every: int, validate_every: int) -> None:
        self._path = path
        self._every = every
        self._validate_every = validate_every
        self._written = 0

    def on_train_start(self, trainer: Trainer, task: LightningModule) -> None:
        """The step that a resumed run begins at is written: a part of the next one must not be."""
        self._written = trainer.global_step

    def on_train_batch_end(self, trainer: Trainer, task: LightningModule, *rest: Any) -> None:
        """After a step; a batch whose gradients are only added up is none."""
        step = trainer.global_step
        # Before its validation a step is not done: a run killed in it would go on without it.
        if step != self._written and step % self._validate_every:
            self._write(trainer)

    def on_validation_end(self, trainer: Trainer, task: LightningModule) -> None:
        """With what the validation found."""
        self._write(trainer)

    def _write(self, trainer: Trainer) -> None:
        if trainer.global_step % self._every == 0:
            self._written = trainer.global_step
            trainer.save_checkpoint(self._path)
