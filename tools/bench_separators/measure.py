"""What `__main__.py` prints, measured."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from counting import multiplications
from plain import PlainBSRNN, PlainTFGridNet
from torch import nn

from wesep_like.cli.memory import keep_freed_memory
from wesep_like.config.files import read_config
from wesep_like.losses import NegSISDRLoss
from wesep_like.models.separators import SEPARATORS, Separator
from wesep_like.models.separators.bsrnn import BSRNN
from wesep_like.models.separators.tfgridnet import TFGridNet

sys.path.append(str(Path(__file__).resolve().parents[1]))
from timing import fresh_process, ratio, seconds_of, shown, timed, turns

HEARD_SECONDS = 4.0  # of one mixture, for the real-time factor
STEP_SECONDS = 3.0  # of each of a step's mixtures
RUNS = ("forward", "step")
PLAIN: dict[type, type[nn.Module]] = {BSRNN: PlainBSRNN, TFGridNet: PlainTFGridNet}


@dataclass(frozen=True)
class Task:
    """What is measured.

    Attributes:
        config: Of the separator.
        device: `cpu` or `cuda`.
        batch: How many mixtures a step has.
    """

    config: Path
    device: str
    batch: int

    @property
    def name(self) -> str:
        """Of its line in the tables."""
        return f"{self.config.parent.name}/{self.config.stem}"


def measured(task: Task, repeats: int) -> str:
    """A line of the first table."""
    device = task.device
    rate, separator = built(task.config)
    parameters = sum(parameter.numel() for parameter in separator.parameters())
    macs = multiplications(separator, torch.randn(1, rate)) / 1e9
    separator.to(device)
    before = peak_megabytes(device)
    mixture = torch.randn(1, int(HEARD_SECONDS * rate), device=device)
    factors = []
    for threads in (1, 2):
        if device == "cuda" and threads == 2:
            factors.append("")
            continue
        torch.set_num_threads(threads)
        with torch.no_grad(), precision(device):
            seconds = timed(lambda: separator(mixture), repeats, device)
        factors.append(shown(seconds, HEARD_SECONDS))
    step = training_step(separator, rate, task)
    seconds = timed(step, repeats, device)
    memory = peak_megabytes(device) - before
    return (
        f"| {task.name} | {device} | {parameters / 1e6:.2f} M | {macs:.2f} "
        f"| {factors[0]} | {factors[1]} | {shown(seconds)} s | {memory:.0f} MB |"
    )


def compared(task: Task, repeats: int) -> str:
    """A line of the second table."""
    contestants = [(True, True), (False, False)]
    if task.device == "cpu":
        contestants.append((False, True))
    cells: dict[tuple[bool, str], str] = {}
    with ExitStack() as stack:
        pools = [
            stack.enter_context(fresh_process(prepare, task, *contestant))
            for contestant in contestants
        ]
        for run in RUNS:
            ours, *theirs = turns([partial(pool.apply, once, (run,)) for pool in pools], repeats)
            for (_, is_kept), seconds in zip(contestants[1:], theirs, strict=True):
                cells[is_kept, run] = ratio(ours, seconds)
    shown_cells = [cells.get((is_kept, run), "") for is_kept in (False, True) for run in RUNS]
    return f"| {task.name} | {task.device} | {' | '.join(shown_cells)} |"


_RUNS: dict[str, Callable[[], float]] = {}
"""What a process that compares is ready to time."""


def prepare(task: Task, is_ours: bool, is_kept: bool) -> None:
    """Makes a process ready."""
    device = task.device
    if is_kept and device == "cpu":
        keep_freed_memory()
    rate, separator = built(task.config)
    module: nn.Module = separator if is_ours else PLAIN[type(separator)](separator)
    module.to(device)
    mixture = torch.randn(task.batch, int(STEP_SECONDS * rate), device=device)

    def forward() -> None:
        with torch.no_grad(), precision(device):
            module(mixture)

    for name, run in zip(RUNS, (forward, training_step(module, rate, task)), strict=True):
        _RUNS[name] = partial(seconds_of, run, device)


def once(run: str) -> float:
    """Seconds of one run."""
    return _RUNS[run]()


def built(config: Path) -> tuple[int, Separator]:
    """Sample rate in Hz and separator of a config."""
    torch.manual_seed(0)
    settings = read_config(config)
    rate = settings["sample_rate"]
    section = settings["model"]["separator"]
    return rate, SEPARATORS.build(section, "model.separator", sample_rate=rate)


def training_step(module: nn.Module, rate: int, task: Task) -> Callable[[], object]:
    """Forward and backward on noise, with the loss of training."""
    samples = int(STEP_SECONDS * rate)
    mixture, target = torch.randn(2, task.batch, samples, device=task.device)
    loss = NegSISDRLoss()

    def run() -> object:
        module.zero_grad(set_to_none=True)
        with precision(task.device):
            estimates = module(mixture)
        loss(estimates[:, 0].float(), target).mean().backward()
        return None

    return run


def precision(device: str) -> torch.autocast:
    """bf16 on a GPU."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda")


def peak_megabytes(device: str) -> float:
    """The most memory that this process has had so far."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
