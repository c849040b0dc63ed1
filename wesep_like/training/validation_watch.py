"""What follows from validations that get no better: a lower learning rate, or the end."""

from __future__ import annotations

import logging
import math
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from wesep_like.tasks.validated import Validated
from wesep_like.training.optimizers import Plateau, learning_rate

_log = logging.getLogger(__name__)


class PlateauWatch(Callback):
    """Tells a plateau schedule of every validation; there is nothing to do for another.

    Lightning itself counts the batches of an epoch, and asks only schedules of torch's own class.

    Args:
        validated: By what it is told which validation is better.
    """

    def __init__(self, validated: Validated) -> None:
        self._validated = validated

    def on_validation_end(self, trainer: Trainer, task: LightningModule) -> None:
        """The next step has the rate that follows."""
        for config in trainer.lr_scheduler_configs:
            schedule = config.scheduler
            if isinstance(schedule, Plateau) and schedule.observe(
                self._validated.goodness(_value(trainer, self._validated))
            ):
                _log.info(
                    "step %d: %d validations were not better, learning rate %.3g from now on",
                    trainer.global_step,
                    schedule.patience,
                    learning_rate(trainer.optimizers[0]),
                )


class EarlyStop(Callback):
    """Ends the run after so many validations in a row that were not better.

    Lightning's own takes its patience from the checkpoint, so that a resumed run could not be given
    another, and does not know after a resume that the run had come to its end.

    Args:
        validated: By what it is told which validation is better.
        after: How many; None never ends a run.
    """

    def __init__(self, validated: Validated, after: int | None) -> None:
        self._validated = validated
        self._after = after
        self._best = -math.inf  # larger is better
        self._num_not_better = 0

    def on_train_start(self, trainer: Trainer, task: LightningModule) -> None:
        """A run that has come to its end is not gone on with."""
        self._stop_if_due(trainer)

    def on_validation_end(self, trainer: Trainer, task: LightningModule) -> None:
        """Compares."""
        goodness = self._validated.goodness(_value(trainer, self._validated))
        if goodness > self._best:
            self._best, self._num_not_better = goodness, 0
        else:
            self._num_not_better += 1
        self._stop_if_due(trainer)

    def _stop_if_due(self, trainer: Trainer) -> None:
        if self._after is not None and self._num_not_better >= self._after:
            trainer.should_stop = True
            _log.info(
                "step %d: %d validations in a row were not better than %s, so the run ends "
                "(trainer.stop_after)",
                trainer.global_step,
                self._num_not_better,
                self._validated.told(self._validated.goodness(self._best)),
            )

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"best": self._best, "num_not_better": self._num_not_better}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """After a resume."""
        self._best = state_dict["best"]
        self._num_not_better = state_dict["num_not_better"]


def _value(trainer: Trainer, validated: Validated) -> float:
    return float(trainer.callback_metrics[validated.name])
