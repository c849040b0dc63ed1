"""How much of the margin is held, and when."""

from __future__ import annotations

from dataclasses import dataclass

from wesep_like.errors import ConfigError

_REST = 1e-3  # of the margin, which is still wanting where the rise ends


@dataclass(frozen=True)
class MarginSchedule:
    """The config section `margin_schedule`: margins that come once speakers are told apart.

    Attributes:
        start_step: Up to it there is no margin.
        end_step: From it on there is all of it. Between, what is wanting falls exponentially, to
            a thousandth.

    Source:
        `MarginScheduler` of WeSpeaker, from epoch 20 to 40.
    """

    start_step: int
    end_step: int

    def __post_init__(self) -> None:
        problems = []
        if self.start_step < 0:
            problems.append(f"start_step: expected at least 0, got {self.start_step}")
        if self.end_step <= self.start_step:
            problems.append(
                f"end_step: expected more than start_step, which is {self.start_step}, "
                f"got {self.end_step}"
            )
        if problems:
            raise ConfigError(problems)

    def share(self, step: int) -> float:
        """How much of the margin is held at a step, from 0 to 1."""
        done = (step - self.start_step) / (self.end_step - self.start_step)
        if done >= 1:
            return 1.0
        return 1 - _REST ** max(0.0, done)
