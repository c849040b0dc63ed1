"""What a room response says of its room: RT60, and direct over reverberant sound."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_DIRECT_SECONDS = 0.0025  # what arrives so soon after the direct path counts as it


def rt60_seconds(response: Tensor, sample_rate: int, *, range_db: float = 30.0) -> float:
    """Reverberation time of a response (taps,), from the slope of Schroeder's decay curve.

    The curve (Schroeder 1965) is the energy still to come; a line is fitted to it from -5 dB down
    by `range_db`, 30 or 20 dB (T30 and T20 of ISO 3382-1), and told as the time for 60 dB.
    NaN if it does not fall so far.
    """
    energy = response.double().square()
    to_come = energy.flip(-1).cumsum(-1).flip(-1)
    decay_db = 10 * torch.log10(to_come / to_come[0])
    is_fitted = (decay_db <= -5) & (decay_db >= -5 - range_db)
    if not (decay_db < -5 - range_db).any() or is_fitted.sum() < 2:
        return math.nan
    seconds = torch.nonzero(is_fitted)[:, 0].double() / sample_rate
    fitted = decay_db[is_fitted]
    seconds = seconds - seconds.mean()
    slope = (seconds * fitted).sum() / seconds.square().sum()
    return -60 / slope.item()


def direct_to_reverberant_db(response: Tensor, sample_rate: int, direct: int) -> float:
    """Energy of the direct path over all that follows it, of a response (taps,).

    Args:
        direct: The tap at which the direct path arrives; 2.5 ms to either side belong to it, which
            is the usual reading.
    """
    width = round(_DIRECT_SECONDS * sample_rate)
    start, end = max(direct - width, 0), direct + width + 1
    energy = response.double().square()
    return 10 * torch.log10(energy[start:end].sum() / energy[end:].sum()).item()
