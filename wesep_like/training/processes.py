"""Several processes that train together, as `torchrun` starts them: they speak and end as one."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch.distributed import DistBackendError, TCPStore

from wesep_like.errors import ConfigError, OutputError, RunEndedError, WesepLikeError
from wesep_like.tasks.gathered import gathered

_log = logging.getLogger("wesep_like")

# For one that lives and does not answer. One that dies is noticed at once.
ANSWER_WITHIN = timedelta(minutes=10)
_ASK_WITHIN = timedelta(seconds=10)


def are_several() -> bool:
    """Whether `torchrun` started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def is_first() -> bool:
    """Whether this is the process that writes files and speaks."""
    # A RANK alone, as shells of clusters may have it, says nothing.
    return not are_several() or os.environ["RANK"] == "0"


@contextmanager
def speaking_as_one() -> Iterator[None]:
    """Of several processes the first logs and warns, and an error of theirs is told by one.

    Raises:
        ConfigError: If something other than `torchrun` started several.
        SystemExit: In those that have nothing more to tell.
    """
    if not are_several():
        if os.environ.get("WORLD_SIZE", "1") != "1":
            # Each would train by itself, and all would write into one folder.
            raise ConfigError(
                f"WORLD_SIZE: is {os.environ['WORLD_SIZE']}, but torchrun did not start this "
                "process. Start several with torchrun; for one, unset it"
            )
        yield
        return
    log = logging.getLogger("wesep_like")
    level, show = log.level, warnings.showwarning
    if not is_first():
        log.setLevel(logging.ERROR)
        warnings.showwarning = lambda *args, **kwargs: None
    try:
        yield
    except WesepLikeError as error:
        if not _is_first_to_tell(error):
            raise SystemExit(1) from None
        _tell_torchrun(error)
        raise
    finally:
        log.setLevel(level)
        warnings.showwarning = show


class EndedFromOutside(Callback):
    """Makes SIGTERM, or the end of a process of the run, an error that says how to go on.

    Lightning ends by SIGTERM as if all was done; and before that it asks the other processes, which
    may be gone.

    Args:
        folder: The run's, for the message.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def told(self, trainer: Trainer) -> Iterator[None]:
        """Around all of the training.

        Raises:
            KeyboardInterrupt: As it was, not the exit that Lightning makes of it.
            RunEndedError: If it was ended from outside.
        """
        before = signal.getsignal(signal.SIGTERM)
        _on_sigterm(_terminate)
        is_done = False
        try:
            yield
            is_done = True
        except (_Terminated, RuntimeError, ConnectionError, EOFError) as error:
            if not isinstance(error, _Terminated) and not _is_of_lost_process(error):
                raise
            is_alone = isinstance(error, _Terminated) and not are_several()
            who = "it" if is_alone else "it or one of its processes"
            raise RunEndedError(
                f"{self._folder}: the run was broken off after step {trainer.global_step}, as "
                f"{who} was ended from outside. Go on with --resume"
            ) from error
        except SystemExit as end:
            if isinstance(end.__context__, KeyboardInterrupt):
                _log.info(
                    "interrupted after step %d; --resume goes on from the last checkpoint",
                    trainer.global_step,
                )
                raise KeyboardInterrupt from None
            raise
        finally:
            # torchrun ends its processes at once; what one has to say must not be cut short.
            _on_sigterm(before if is_done or not are_several() else signal.SIG_IGN)

    def on_train_start(self, trainer: Trainer, task: LightningModule) -> None:
        """Takes SIGTERM back from Lightning, and sees that all begin at the same step.

        Raises:
            OutputError: If a machine did not find the checkpoint that another one did.
        """
        _on_sigterm(_terminate)
        steps = gathered(trainer.global_step)
        if min(steps) != max(steps):
            raise OutputError(
                f"{self._folder}: has a checkpoint of step {max(steps)} on one machine and of step "
                f"{min(steps)} on another. Name a folder that all machines share"
            )


class _Terminated(SystemExit):
    """SIGTERM; not an `Exception`, which Lightning catches here and there."""


def _terminate(*signal_and_frame: Any) -> NoReturn:
    raise _Terminated


def _on_sigterm(handler: Any) -> None:
    with suppress(ValueError):  # not in the main thread, which alone is told of signals
        signal.signal(signal.SIGTERM, handler)


def _is_of_lost_process(error: BaseException) -> bool:
    return isinstance(error, DistBackendError) or _is_of_lost_worker(error) or _is_of_gloo(error)


def _is_of_lost_worker(error: BaseException) -> bool:
    """Whether a process that reads audio was killed: a signal to a whole run may reach it first."""
    if isinstance(error, ConnectionError | EOFError):  # it was just handing a batch over
        return True
    # Torch has messages only. A crash of the worker's own is not meant.
    told = f"{error} {error.__cause__}"
    by = re.search(r"killed by signal: (\w+)", told)
    return "DataLoader worker (pid" in told and (by is None or by[1] in ("Terminated", "Killed"))


def _is_of_gloo(error: BaseException) -> bool:
    # Gloo has no error of its own; its messages name its source files.
    return are_several() and "gloo" in str(error)


def _is_first_to_tell(error: WesepLikeError) -> bool:
    """Whether no other process has told this; that a run was ended, whether any has told why."""
    run = "/".join(os.environ[f"TORCHELASTIC_{name}"] for name in ("RUN_ID", "RESTART_COUNT"))
    try:
        # It belongs to torchrun, and outlives us.
        store = TCPStore(
            os.environ["MASTER_ADDR"],
            int(os.environ["MASTER_PORT"]),
            is_master=False,
            timeout=_ASK_WITHIN,
        )
        num_told = store.add(f"wesep_like/{run}/told", 1)
        if isinstance(error, RunEndedError):
            return num_told == 1
        return store.add(f"wesep_like/{run}/told/{error}", 1) == 1
    except RuntimeError:  # torchrun is gone too
        return True


def _tell_torchrun(error: WesepLikeError) -> None:
    """Puts the message into what `torchrun` says at last."""
    path = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if path is not None:
        extra = {"timestamp": str(int(time.time()))}
        Path(path).write_text(
            json.dumps({"message": {"message": str(error), "extraInfo": extra}}), encoding="utf-8"
        )
