"""The same work on many things, in several processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
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
    with ProcessPoolExecutor(
        num_workers, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * num_workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
