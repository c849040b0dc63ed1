"""What is minimised where the enrolled speaker does not speak."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wesep_like.errors import ConfigError

_FLOOR = 1e-8  # so that nothing in a silent mixture has a finite loss


@dataclass(frozen=True)
class AbsentTargetLoss:
    """eta 10 log10(|estimate|^2 + tau |mixture|^2): the energy of what should be silence.

    The config section `losses.absent`. Such an example has this loss in place of the others.

    Args:
        eta: Its weight beside theirs.
        tau: How quiet is quiet enough, as a share of the mixture's energy: 1e-3 is 30 dB under it.

    Source:
        Wisdom et al., "What's all the FUSS about free universal sound separation data?", ICASSP
        2021, for sources that are not there; `eta` weighs it against losses where there is one.
    """

    eta: float = 1.0
    tau: float = 1e-3

    def __post_init__(self) -> None:
        problems = []
        if self.eta <= 0:
            problems.append(f"eta: expected more than 0, got {self.eta!r}")
        if not 0 < self.tau < 1:
            problems.append(f"tau: expected more than 0 and less than 1, got {self.tau!r}")
        if problems:
            raise ConfigError(problems)

    def __call__(self, estimate: Tensor, mixture: Tensor) -> Tensor:
        """(batch, samples) each -> (batch,), in dB, with eta."""
        energy = _energy(estimate) + self.tau * _energy(mixture)
        return self.eta * 10 * torch.log10(energy + _FLOOR)


def _energy(signal: Tensor) -> Tensor:
    return signal.float().square().sum(-1)
