"""A run in small that leaves nothing behind: does it work, what does it take, and how long?"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, cast

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from wesep_like.data.dataset import evenly_spread
from wesep_like.experiment.build import build
from wesep_like.experiment.sections import read_experiment
from wesep_like.inference.device import find_device
from wesep_like.models import SpeakerCue
from wesep_like.tasks.base import Task
from wesep_like.training import engine
from wesep_like.training.bad_steps import BadSteps
from wesep_like.training.engine import TrainerOptions
from wesep_like.training.loaders import Loaders
from wesep_like.training.run_log import lightning_kept_quiet

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_NUM_STEPS = 4  # the first warms up and is not counted
_NUM_VALID = 4  # so many examples are validated, evenly spread, or as many as there are


def dry_run(config_path: str | Path, overrides: Sequence[str], *, device: str = "auto") -> str:
    """Builds all of a run, takes a few steps, validates a few examples, and writes nothing.

    Args:
        config_path: YAML.
        overrides: `key.path=value` each.
        device: `auto`, `cpu` or `cuda`.

    Returns:
        Lines with shapes, losses, parameters, memory, and the time that all of the run will take.

    Raises:
        WesepLikeError: Where the run would raise it.
    """
    place = find_device(device)
    experiment, _ = read_experiment(config_path, overrides)
    options = experiment.trainer
    engine.precision(options, place)
    engine.seed(experiment.seed)
    # This process reads the audio itself, so that reading can be timed.
    short = replace(options, num_steps=_NUM_STEPS, validate_every=_NUM_STEPS, num_workers=0)
    task, loaders = build(replace(experiment, trainer=short), str(config_path))
    watch = _Watch(place, task)
    with lightning_kept_quiet():
        trainer = engine.make_trainer(
            task,
            short,
            place,
            callbacks=[BadSteps(options.max_bad_steps), watch],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
        )
        loaders.trainer = trainer
        num_valid = watch.run(trainer, loaders, _NUM_STEPS * options.accumulate_batches)
    return "\n".join(
        [
            f"{config_path}: works. {_NUM_STEPS} steps and {min(_NUM_VALID, num_valid)} validation "
            f"{task.example}s on {place}, precision {trainer.precision}; nothing was written",
            *watch.batch_lines(),
            *_parameter_lines(task),
            f"memory      {_memory(place)}",
            *watch.time_lines(options, num_valid),
        ]
    )


class _Watch(Callback):
    """Looks at the first batch, and at the clock.

    Args:
        device: Waited for before the clock is read.
        task: What the batches are for.
    """

    def __init__(self, device: torch.device, task: Task) -> None:
        self._device = device
        self._task = task
        self._seconds: dict[str, list[float]] = {}
        self._batch: Any = None
        self._answer: Tensor | None = None
        self._losses: dict[str, float] = {}
        self._since = 0.0
        self._step = 0

    def run(self, trainer: Trainer, loaders: Loaders, num: int) -> int:
        """Takes the steps of `num` batches; the number of all validation examples."""
        batches, train = iter(loaders.train_dataloader()), []
        for _ in range(num):
            with self._timed("loading"):
                train.append(loaders.on_before_batch_transfer(next(batches), 0))
        loader, valid = loaders.val_dataloader(), []
        num_valid = len(loader)
        num_taken = min(_NUM_VALID, num_valid)
        for number in evenly_spread(range(num_valid), num_taken):
            with self._timed("valid_loading"):
                example = loader.dataset[number]
                valid.append(loaders.on_before_batch_transfer(loader.collate_fn([example]), 0))
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        with self._task.answering.register_forward_hook(self._see_answer):
            trainer.fit(self._task, _at_hand(train), _at_hand(valid))
        clips = train[-1].to(self._device)
        with self._timed("mixing"):
            self._task.on_after_batch_transfer(clips, 0)
        return num_valid

    def _see_answer(self, module: nn.Module, inputs: Any, answer: Tensor | SpeakerCue) -> None:
        if self._answer is None:
            tensor = answer.embedding if isinstance(answer, SpeakerCue) else answer
            self._answer = None if tensor is None else tensor.detach()

    def on_train_batch_start(
        self, trainer: Trainer, task: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Looks at the first batch."""
        self._batch = batch if self._batch is None else self._batch

    def on_train_batch_end(self, trainer: Trainer, task: LightningModule, *rest: Any) -> None:
        """A step took as long as since the end of the one before; the batches are at hand."""
        if not self._losses:
            logged = trainer.callback_metrics.items()
            found = {name.removeprefix("train/"): float(value) for name, value in logged}
            self._losses = {name: value for name, value in found.items() if name != "bad_steps"}
        if trainer.global_step != self._step:
            if self._step > 0:
                self._note("step")
            self._step, self._since = trainer.global_step, self._now()

    def on_validation_start(self, trainer: Trainer, task: LightningModule) -> None:
        """The time of the first validation example begins."""
        self._since = self._now()

    def on_validation_batch_end(self, trainer: Trainer, task: LightningModule, *rest: Any) -> None:
        """That of the next."""
        self._note("valid")
        self._since = self._now()

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def _note(self, what: str) -> None:
        self._seconds.setdefault(what, []).append(self._now() - self._since)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        self._since = self._now()
        yield
        self._note(what)

    def batch_lines(self) -> list[str]:
        """What the first batch and its losses were."""
        assert self._batch is not None
        assert self._answer is not None
        losses = ", ".join(f"{name} {value:.4g}" for name, value in self._losses.items())
        shapes = {**self._task.signals(self._batch), self._task.answer: self._answer}
        return [
            f"{'examples':<11} {', '.join(self._batch.ids)}",
            *(f"{name:<11} {tuple(tensor.shape)}" for name, tensor in shapes.items()),
            f"{'losses':<11} {losses}",
        ]

    def time_lines(self, options: TrainerOptions, num_valid: int) -> list[str]:
        """What takes how long, and what follows for all of the run."""
        batches, workers = options.accumulate_batches, options.num_workers
        loading = batches * median(self._seconds["loading"])
        step = median(self._seconds["step"])
        if workers > 0:
            loading /= min(workers, os.cpu_count() or 1)
        # Workers read while a step is taken; without any, it waits.
        each = max(loading, step) if workers else loading + step
        example, num_valids = self._task.example, options.num_steps // options.validate_every
        reading, using = median(self._seconds["valid_loading"]), median(self._seconds["valid"])
        of_each = max(reading, using) if workers else reading + using
        of_valids = num_valids * num_valid * of_each
        if loading > step:
            slower = "reading the data takes longer than the steps: more trainer.num_workers help"
        else:
            slower = "the steps of the model take longer than reading the data"
        return [
            f"loading     {self._spread('loading')} a batch in one process, {loading:.3g} s a step "
            f"with trainer.num_workers={workers}",
            f"mixing      {self._spread('mixing')} a batch, as a part of the step",
            f"step        {self._spread('step')}, {batches} batch{'es' * (batches > 1)}",
            f"validation  {self._spread('valid')} a {example}, {num_valid} {example}s, "
            f"{num_valids} times",
            f"all         about {_duration(options.num_steps * each + of_valids)}: "
            f"{options.num_steps} steps {_duration(options.num_steps * each)}, validation "
            f"{_duration(of_valids)}; {slower}",
        ]

    def _spread(self, what: str) -> str:
        found = self._seconds[what]
        return f"{median(found):.3g} s ({min(found):.3g} .. {max(found):.3g})"


def _at_hand(batches: Sequence[Any]) -> DataLoader[Any]:
    """The batches, as they are, for a trainer: of a bare list it would take each for a loader."""
    return DataLoader(cast("Dataset[Any]", batches), batch_size=None)


def _parameter_lines(task: Task) -> Iterator[str]:
    """How much of each part is learnt, and how much is not."""
    for name, part in task.parts().items():
        learnt = sum(p.numel() for p in part.parameters() if p.requires_grad)
        frozen = sum(p.numel() for p in part.parameters()) - learnt
        yield f"parameters  {name}: {learnt:,} learnt, {frozen:,} frozen"


def _memory(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{torch.cuda.max_memory_allocated(device) / 1e6:.0f} MB of the GPU at most"
    if resource is None:
        return "unknown, as this system does not tell"
    unit = 1 if sys.platform == "darwin" else 1024  # of what getrusage(2) says
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return f"{peak / 1e6:.0f} MB of this process at most"


def _duration(seconds: float) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
