"""The same work on many things, in several processes."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import parent_process
from multiprocessing.context import SpawnContext, SpawnProcess
from threading import Thread
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Read by torch and by the libraries under NumPy and SciPy when they are loaded.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


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
    with ProcessPoolExecutor(num_workers, _OneThreadEach(), _follow_parent) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * num_workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _OneThreadProcess(SpawnProcess):
    """Threads that do a little algebra each and wait for more take the cores from one another."""

    def start(self) -> None:
        before = {name: os.environ.get(name) for name in _THREADS}
        os.environ.update(dict.fromkeys(_THREADS, "1"))
        try:
            super().start()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


class _OneThreadEach(SpawnContext):
    """Spawns: a fork of a process with torch's threads in it may hang."""

    Process = _OneThreadProcess


def _follow_parent() -> None:
    # Ctrl-C goes to all processes of a terminal; that the parent ends is enough.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Without this, processes whose parent was killed would wait for work for ever."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
