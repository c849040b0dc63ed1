"""Of which steps somebody will read the numbers."""

from __future__ import annotations

from lightning import Trainer


def is_written(trainer: Trainer) -> bool:
    """Whether what the step logs that is being taken will be written down."""
    step = trainer.global_step + 1
    every = trainer.log_every_n_steps  # type: ignore[attr-defined]  # set where it is made
    return bool(step == 1 or step % every == 0)
