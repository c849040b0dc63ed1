"""What a run says, and where: `train.log`."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wesep_like.training.processes import is_first

# What is chosen on purpose here, or is Lightning's own business.
_NOT_FOR_USERS = (
    r"The '.*_dataloader' does not have many workers",
    r"Checkpoint directory .* exists and is not empty",
    r"You're resuming from a checkpoint that ended before the epoch ended",
    r"GPU available but not used",
    r"Found .* module\(s\) in eval mode",
    r"You have overridden `on_after_batch_transfer`",
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
)


@contextmanager
def run_log(path: Path) -> Iterator[None]:
    """Our messages and warnings also go into a file; of several processes, the first speaks."""
    handler = logging.FileHandler(path, encoding="utf-8") if is_first() else logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger("wesep_like")
    level, show = log.level, warnings.showwarning
    log.addHandler(handler)
    log.setLevel(logging.INFO if is_first() else logging.ERROR)
    warnings.showwarning = _log_warning
    try:
        yield
    finally:
        warnings.showwarning = show
        log.setLevel(level)
        log.removeHandler(handler)
        handler.close()


@contextmanager
def lightning_kept_quiet() -> Iterator[None]:
    """Lightning's advice is left out, its warnings are not."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for advice in _NOT_FOR_USERS:
                warnings.filterwarnings("ignore", message=f".*{advice}")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _log_warning(message: Warning | str, *where: Any, **more: Any) -> None:
    logging.getLogger("wesep_like").warning("%s", message)
