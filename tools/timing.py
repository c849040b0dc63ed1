"""Measuring in turns, each in a process of its own; for the tools that measure."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.pool import Pool

import torch

# What takes longer is measured once, and said to be.
PATIENCE_SECONDS = 60.0
# Until a process has all the memory that it needs.
WARM_UP_TURNS = 3


def fresh_process(initializer: Callable[..., None], *args: object) -> Pool:
    """A pool of one process, in which only what is asked for has happened."""
    return multiprocessing.get_context("spawn").Pool(1, initializer, args)


def seconds_of(run: Callable[[], object], device: str = "cpu") -> float:
    """Seconds of one run."""
    synchronise(device)
    start = time.perf_counter()
    run()
    synchronise(device)
    return time.perf_counter() - start


def timed(run: Callable[[], object], repeats: int, device: str) -> list[float]:
    """Seconds of each of the runs."""
    return turns([partial(seconds_of, run, device)], repeats)[0]


def turns(runs: list[Callable[[], float]], repeats: int) -> list[list[float]]:
    """What each of `runs` returns, in turns; the first ones do not count."""
    first = [run() for run in runs]
    if max(first) > PATIENCE_SECONDS:
        return [[seconds] for seconds in first]
    for _ in range(WARM_UP_TURNS - 1):
        for run in runs:
            run()
    counted = [[run() for run in runs] for _ in range(repeats)]
    return [list(each) for each in zip(*counted, strict=True)]


def synchronise(device: str) -> None:
    """Waits until a GPU has done what it was asked."""
    if device == "cuda":
        torch.cuda.synchronize()


def shown(seconds: list[float], per_seconds: float = 1.0) -> str:
    """Median, smallest and largest."""
    each = [value / per_seconds for value in seconds]
    if len(each) == 1:
        return f"{each[0]:.3g} (once)"
    return f"{statistics.median(each):.3g} ({min(each):.3g} .. {max(each):.3g})"


def ratio(ours: list[float], plain: list[float]) -> str:
    """How many times faster ours is."""
    return shown([theirs / own for own, theirs in zip(ours, plain, strict=True)])
