"""The same work on many things, in several processes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_processes(
    function: Callable[[Item], Result], items: Iterable[Item], num_workers: int
) -> Iterator[Result]:
    """What `function` makes of each item, in their order; few are in memory at any time.

    Args:
        function: At the top of a module, or a `partial` of such a one, so that it can be sent.
        items: Taken as they are needed.
        num_workers: Processes, with one thread each; 0: this one does the work.
    """
    if num_workers == 0:
        yield from map(function, items)
        return
    # Spawned: a fork of a process with torch's threads in it may hang.
    with ProcessPoolExecutor(num_workers, get_context("spawn"), initializer=_begin) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * num_workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _begin() -> None:
    """What each process does first."""
    torch.set_num_threads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Without this, processes whose parent was killed would wait for work for ever."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
