"""Loudness of speech and noise in LUFS, for a batch at once on any device; the last axis is time.

Source:
    ITU-R BS.1770-4, with the filters of pyloudnorm (Steinmetz and Reiss, AES 2021), by which
    LibriMix is made: the second-order shelf and high-pass of Bristow-Johnson's "Audio EQ cookbook".
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_BLOCK_SECONDS, _STEP_SECONDS = 0.4, 0.1
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
_OFFSET_LU = -0.691  # so that a sine of 1 kHz has the loudness of its power
_SHELF_HZ, _SHELF_DB, _SHELF_Q = 1500.0, 4.0, 1 / math.sqrt(2)
_HIGH_PASS_HZ, _HIGH_PASS_Q = 38.0, 0.5
# The high-pass has died away (by far more than 100 dB) after this time.
_TAIL_SECONDS = 0.25


def integrated_loudness(
    signals: Tensor, sample_rate: int, num_samples: Tensor | None = None
) -> Tensor:
    """Gated loudness of signals (*batch, samples), in LUFS, (*batch).

    Deviations: what is shorter than a block of 0.4 s is measured as one block; what has no block
    above -70 LUFS is measured without gates. Silence has minus infinity.

    Args:
        signals: Of one channel each.
        sample_rate: Hz.
        num_samples: Length of each without padding, (*batch,).
    """
    shape, longest = signals.shape[:-1], signals.shape[-1]
    if num_samples is None:
        num_samples = torch.full(shape, longest, device=signals.device)
    lengths = num_samples.expand(shape).reshape(-1, 1)
    places = torch.arange(longest, device=signals.device)
    heard = torch.where(places < lengths, signals.reshape(-1, longest), 0.0)
    weighted = torch.where(places < lengths, _weighted(heard, sample_rate), 0.0)

    # Energy up to each sample: a block's is the difference of two.
    energy = torch.nn.functional.pad(weighted.double().square().cumsum(-1), (1, 0))
    block, step = _BLOCK_SECONDS * sample_rate, _STEP_SECONDS * sample_rate
    last = ((lengths - block) / step).round().long().clamp_min(0)
    numbers = torch.arange(int(max(longest - block, 0) / step + 1.5), device=signals.device)
    starts = (numbers * step).floor().long().expand(len(lengths), -1)
    ends = (numbers * step + block).floor().long().minimum(lengths)
    starts = starts.minimum(ends)
    power = (energy.gather(-1, ends) - energy.gather(-1, starts)) / lengths.clamp_max(round(block))

    is_block = numbers <= last
    is_heard = is_block & (_lufs(power) > _ABSOLUTE_GATE_LUFS)
    is_loud = is_heard & (_lufs(power) > _lufs(_mean(power, is_heard)) + _RELATIVE_GATE_LU)
    is_counted = torch.where(is_loud.any(-1, keepdim=True), is_loud, is_block)
    return _lufs(_mean(power, is_counted)).reshape(shape).to(signals.dtype)


def _lufs(power: Tensor) -> Tensor:
    return _OFFSET_LU + 10 * torch.log10(power.clamp_min(0))


def _mean(values: Tensor, is_counted: Tensor) -> Tensor:
    """Over what counts of (batch, blocks): (batch, 1); 0 where nothing does."""
    total = torch.where(is_counted, values, 0.0).sum(-1, keepdim=True)
    return total / is_counted.sum(-1, keepdim=True).clamp_min(1)


def _weighted(signals: Tensor, sample_rate: int) -> Tensor:
    """Signals (batch, samples) as loud as they seem: through the two filters of BS.1770.

    Multiplied with their response, in one go for all samples; run sample by sample, recursive
    filters would take a GPU longer than all else in a step.
    """
    num_samples = signals.shape[-1]
    size = 1 << (num_samples + round(_TAIL_SECONDS * sample_rate) - 1).bit_length()
    turns = torch.arange(size // 2 + 1, device=signals.device, dtype=torch.float64) / size
    delay = torch.polar(torch.ones_like(turns), -2 * math.pi * turns)
    response = _shelf(sample_rate, delay) * _high_pass(sample_rate, delay)
    spectrum = torch.fft.rfft(signals, size) * response.to(torch.complex64)
    return torch.fft.irfft(spectrum, size)[..., :num_samples]


def _shelf(sample_rate: int, delay: Tensor) -> Tensor:
    """What the head does: the highs are louder. Response at the given delays of one sample."""
    omega = 2 * math.pi * _SHELF_HZ / sample_rate
    root = 10 ** (_SHELF_DB / 40)
    width = math.sin(omega) / _SHELF_Q * math.sqrt(root)
    plus, minus, cosine = root + 1, root - 1, math.cos(omega)
    above, below = plus + minus * cosine, plus - minus * cosine
    return (
        root
        * _polynomial((above + width, -2 * (minus + plus * cosine), above - width), delay)
        / _polynomial((below + width, 2 * (minus - plus * cosine), below - width), delay)
    )


def _high_pass(sample_rate: int, delay: Tensor) -> Tensor:
    """Lows are hardly heard; likewise."""
    omega = 2 * math.pi * _HIGH_PASS_HZ / sample_rate
    width, cosine = math.sin(omega) / (2 * _HIGH_PASS_Q), math.cos(omega)
    half = (1 + cosine) / 2
    above = _polynomial((half, -2 * half, half), delay)
    return above / _polynomial((1 + width, -2 * cosine, 1 - width), delay)


def _polynomial(factors: tuple[float, ...], delay: Tensor) -> Tensor:
    return factors[0] + factors[1] * delay + factors[2] * delay.square()
