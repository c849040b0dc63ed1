"""Lightning's trainer, set up: how the steps of a task are run, and what a run leaves."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
from lightning import Trainer
from lightning.pytorch.callbacks import Callback, LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy

from wesep_like.errors import ConfigError
from wesep_like.models.model_file import save_weights
from wesep_like.tasks.base import Task
from wesep_like.training.bad_steps import BadSteps
from wesep_like.training.best_model import BestModel
from wesep_like.training.kept_folders import BEST_MODEL, MODELS
from wesep_like.training.kept_models import KeptModels
from wesep_like.training.last_checkpoint import LastCheckpoint
from wesep_like.training.loaders import Loaders
from wesep_like.training.metrics_file import MetricsFile
from wesep_like.training.processes import ANSWER_WITHIN, EndedFromOutside, are_several
from wesep_like.training.progress import StepLines, StepsBar
from wesep_like.training.run_log import lightning_kept_quiet, run_log
from wesep_like.training.validation_examples import ValidationExamples
from wesep_like.training.validation_watch import EarlyStop, PlateauWatch
from wesep_like.training.weight_average import WeightAverage

_log = logging.getLogger("wesep_like")

LAST_CHECKPOINT = "checkpoints/last.ckpt"  # in the folder of a run


@dataclass(frozen=True)
class TrainerOptions:
    """The config section `trainer`.

    Attributes:
        num_steps: Optimiser steps of the whole run.
        batch_size: Examples a step, on each process.
        accumulate_batches: Batches whose gradients are added up for one step.
        validate_every: Steps from one validation to the next.
        save_every: Steps from one `last` checkpoint to the next; null is as often as validation.
        log_every: Steps from one row of metrics to the next.
        clip_grad_norm: Largest norm of all gradients together; null clips nothing.
        precision: `bf16` and `fp16` run what can be in 16 bit, `fp16` on a GPU only and with a loss
            that is scaled up; `auto` is `bf16` on a GPU and `fp32` on a CPU.
        max_bad_steps: Steps in a row with a loss or a gradient that is not finite; each is left
            out, and after so many the run ends.
        stop_after: Validations in a row that are not better than the best before; after so many
            the run ends. Null: it takes all its steps.
        num_workers: Processes that read and cut audio.
        num_examples: Validation mixtures that TensorBoard plays and draws.
        ema_decay: Of a moving average of the weights, which is then what is validated and written;
            see `WeightAverage`. Null: the weights as they are.
        keep_best: Of how many validations, the best, the models are kept.
        keep_last: The same of the last.
    """

    num_steps: int
    batch_size: int = 8
    accumulate_batches: int = 1
    validate_every: int = 1000
    save_every: int | None = None
    log_every: int = 50
    clip_grad_norm: float | None = 5.0
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    max_bad_steps: int = 50
    stop_after: int | None = None
    num_workers: int = 2
    num_examples: int = 4
    ema_decay: float | None = None
    keep_best: int = 5
    keep_last: int = 5

    def __post_init__(self) -> None:
        least = {
            "num_steps": 1,
            "batch_size": 1,
            "accumulate_batches": 1,
            "validate_every": 1,
            "save_every": 1,
            "log_every": 1,
            "max_bad_steps": 1,
            "stop_after": 1,
            "num_workers": 0,
            "num_examples": 0,
            "keep_best": 0,
            "keep_last": 0,
        }
        problems = [
            f"{name}: expected at least {lowest}, got {getattr(self, name)}"
            for name, lowest in least.items()
            if getattr(self, name) is not None and getattr(self, name) < lowest
        ]
        if self.clip_grad_norm is not None and self.clip_grad_norm <= 0:
            problems.append(f"clip_grad_norm: expected more than 0, got {self.clip_grad_norm}")
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            problems.append(f"ema_decay: expected between 0 and 1, got {self.ema_decay}")
        if problems:
            raise ConfigError(problems)


def fit(
    task: Task,
    loaders: Loaders,
    folder: Path,
    options: TrainerOptions,
    config: Mapping[str, Any],
    *,
    device: torch.device,
    checkpoint: Path | None = None,
) -> None:
    """Trains `task` and writes into `folder`.

    Args:
        task: What is learnt.
        loaders: Training and validation batches.
        folder: Gets `model/` (the best so far), `checkpoints/`, `metrics.csv`, `tensorboard/` and
            `train.log`.
        options: How long, how often, how many.
        config: The resolved config, for the model file.
        device: On a GPU, `torchrun` makes one process for each.
        checkpoint: To go on from.

    Raises:
        RunEndedError: If the run, or another process of it, was ended from outside.
    """
    ended = EndedFromOutside(folder)
    best, save_every = task.validated, options.save_every or options.validate_every
    is_terminal = os.isatty(2)
    average = None if options.ema_decay is None else WeightAverage(options.ema_decay)

    def save(model_folder: Path) -> None:
        model = task.get_submodule("model")
        weights = model.state_dict() if average is None else average.weights(model)
        save_weights(model_folder, weights, config)

    callbacks: list[Callback] = [
        ended,
        BadSteps(options.max_bad_steps),
        MetricsFile(folder / "metrics.csv", options.log_every),
        LearningRateMonitor("step"),
        ValidationExamples(options.num_examples),
        *([] if average is None else [average]),
        BestModel(best, lambda: save(folder / BEST_MODEL)),
        KeptModels(
            folder / MODELS, best, save, num_best=options.keep_best, num_last=options.keep_last
        ),
        PlateauWatch(best),
        EarlyStop(best, options.stop_after),
        StepsBar() if is_terminal else StepLines(options.log_every),
        ModelCheckpoint(
            folder / "checkpoints",
            filename="best",
            monitor=best.name,
            mode="min" if best.is_smaller_better else "max",
            enable_version_counter=False,
        ),
        LastCheckpoint(folder / LAST_CHECKPOINT, save_every, options.validate_every),
    ]
    with run_log(folder / "train.log"), lightning_kept_quiet():
        trainer = make_trainer(
            task,
            options,
            device,
            logger=TensorBoardLogger(folder, name="tensorboard", version=""),
            callbacks=callbacks,
            enable_progress_bar=is_terminal,
        )
        _log.info(
            "training %d steps on %s, precision %s",
            options.num_steps,
            f"{trainer.world_size} x {device.type}" if trainer.world_size > 1 else device,
            trainer.precision,
        )
        if checkpoint is not None:
            _log.info("going on from %s", checkpoint)
        with ended.told(trainer):
            trainer.fit(task, datamodule=loaders, ckpt_path=checkpoint, weights_only=True)
        _log.info("done after %d steps", trainer.global_step)


def make_trainer(task: Task, options: TrainerOptions, device: torch.device, **more: Any) -> Trainer:
    """What takes the steps of `task`; `more` is what it tells and writes.

    Raises:
        ConfigError: If the device cannot compute in the precision that is wanted.
    """
    return Trainer(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        **_processes(device, task),
        precision=precision(options, device),
        max_steps=options.num_steps,
        max_epochs=-1,
        accumulate_grad_batches=options.accumulate_batches,
        # An epoch never ends: example numbers go on for ever.
        check_val_every_n_epoch=None,
        val_check_interval=options.validate_every * options.accumulate_batches,
        num_sanity_val_steps=0,
        gradient_clip_val=options.clip_grad_norm,
        gradient_clip_algorithm="norm",
        log_every_n_steps=options.log_every,
        enable_model_summary=False,
        # The loaders know their share.
        use_distributed_sampler=False,
        # What validation computes once of a frozen module is kept, and used in training.
        inference_mode=False,
        **more,
    )


def _processes(device: torch.device, task: Task) -> dict[str, Any]:
    """One process; under `torchrun`, those that it started."""
    if are_several():
        here, all_of_them = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
        # A fusion that attends to frames leaves the layers that make an embedding of them idle.
        has_idle = getattr(task.model, "hears_frames", False)
        strategy = DDPStrategy(find_unused_parameters=has_idle, timeout=ANSWER_WITHIN)
        return {"devices": here, "num_nodes": all_of_them // here, "strategy": strategy}
    if device.type == "cuda":
        return {"devices": [device.index or 0]}
    return {"devices": 1}


def precision(options: TrainerOptions, device: torch.device) -> Any:
    """What Lightning calls the precision that is wanted.

    Raises:
        ConfigError: If the device has none such.
    """
    wanted = options.precision
    if wanted == "auto":
        wanted = "bf16" if device.type == "cuda" else "fp32"
    if wanted == "fp16" and device.type != "cuda":
        raise ConfigError(
            "trainer.precision: fp16 is for a GPU, and this run is on a CPU. Use fp32 or bf16"
        )
    return {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}[wanted]


def seed(number: int) -> None:
    """Sets all generators that initial weights and dropout draw from."""
    lightning.seed_everything(number, verbose=False)
