"""Power and decibels, for arrays and tensors alike; the last axis is time.

Decibels of a level are relative to full scale: a constant 1.0 has 0 dB.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from wesep_like.errors import AudioError, SilentSignalError

Signal = TypeVar("Signal", np.ndarray, Tensor)

# Far below anything recorded: a constant of one step of 16 bits has 1e-9.
SILENT_POWER = 1e-14
# How much of a constant may remain when its mean, which is rounded, is taken away.
_ROUNDING = 1e-6


def power(samples: Signal) -> Signal:
    """Mean square over time: (*batch, samples) -> (*batch)."""
    return (samples * samples).mean(-1)


def rms_db(samples: Signal) -> Signal:
    """Root mean square in dB of full scale: (*batch, samples) -> (*batch); -140 dB for silence."""
    if isinstance(samples, Tensor):
        return 10 * torch.log10(power(samples).clamp(min=SILENT_POWER))
    return 10 * np.log10(np.maximum(power(samples), SILENT_POWER))


def gain(db: float | np.ndarray | Tensor) -> float | np.ndarray | Tensor:
    """The factor that raises a signal by `db`."""
    return 10 ** (db / 20)


def is_silent(samples: Signal) -> Signal:
    """Whether each signal has no sound, as a constant: (*batch, samples) -> (*batch) bool."""
    mean = samples.mean(-1)
    return power(samples - mean[..., None]) <= SILENT_POWER + (_ROUNDING * mean) ** 2


def check_not_silent(samples: Signal, where: str) -> None:
    """Goes on only if there is sound in every signal of (*batch, samples).

    Args:
        samples: What must have sound in it.
        where: What it is, for the message: a file or an argument.

    Raises:
        AudioError: If it has no samples at all.
        SilentSignalError: Naming the first silent signal's place in the batch.
    """
    if samples.shape[-1] == 0:
        raise AudioError(f"{where}: has no samples")
    silent = np.asarray(is_silent(samples).tolist())
    if silent.any():
        place = ", ".join(str(number) for number in np.argwhere(silent)[0])
        item = f"{where}[{place}]" if place else where
        floor = 10 * np.log10(SILENT_POWER)
        raise SilentSignalError(
            f"{item}: is silent (below {floor:.0f} dB). Give a signal with sound in it"
        )
