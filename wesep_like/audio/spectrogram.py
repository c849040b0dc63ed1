"""Spectrograms to look at."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_RANGE_DB = 70.0
_SILENCE = 1e-16


def power_spectrogram(signal: Tensor, win_samples: int = 512) -> Tensor:
    """The power of `signal` (samples,) over frequency and time, (bins, frames), low first.

    A signal shorter than a window is filled up with silence.
    """
    signal = F.pad(signal, (0, max(0, win_samples - len(signal))))
    window = torch.hann_window(win_samples)
    spectrum = torch.stft(signal, win_samples, win_samples // 4, window=window, return_complex=True)
    return spectrum.abs() ** 2


def spectrogram_picture(power: Tensor, peak: float | None = None) -> Tensor:
    """Log power as grey in [0, 1], (bins, frames), low at the bottom.

    Args:
        power: (bins, frames), as `power_spectrogram` gives it.
        peak: The power that is white, so that several pictures can have one scale; None: the
            largest here. Black is 70 dB below.
    """
    peak = max(power.max().item() if peak is None else peak, _SILENCE)
    relative_db = 10 * torch.log10(power.clamp_min(_SILENCE) / peak)
    return (relative_db / _RANGE_DB + 1).clamp(0, 1).flip(0)
