"""Signals through responses, by the Fourier transform; batched, any device."""

from __future__ import annotations

import torch
from scipy.fft import next_fast_len
from torch import Tensor


def convolve(signals: Tensor, responses: Tensor, delays: Tensor) -> Tensor:
    """Signals (*, samples) through responses (*, taps), advanced by delays (*); no longer.

    Args:
        delays: In samples, each less than taps: what of the response stands before its time 0.
    """
    num_samples, taps = signals.shape[-1], responses.shape[-1]
    size = next_fast_len(num_samples + taps - 1, real=True)
    spectrum = torch.fft.rfft(signals, size) * torch.fft.rfft(responses, size)
    convolved = torch.fft.irfft(spectrum, size)
    places = torch.arange(num_samples, device=signals.device) + delays[..., None]
    return convolved.gather(-1, places)
