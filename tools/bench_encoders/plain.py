"""Kaldi's filterbank as one has it without `Fbank`, for `bench_encoders` to compare with.

Hamming window, 80 mel bins, samples in steps of 16 bits, no dither; each bin without its mean.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

import torch
from torch import Tensor

from wesep_like.audio.fbank import Fbank
from wesep_like.audio.torchaudio_import import torchaudio

kaldi = importlib.import_module(f"{torchaudio.__name__}.compliance.kaldi")

SAMPLE_RATE = 16000
_BINS, _FRAME, _HOP, _FFT = 80, 400, 160, 512

_WINDOW = torch.hamming_window(_FRAME, periodic=False)
_MEL = torch.nn.functional.pad(
    kaldi.get_mel_banks(_BINS, _FFT, SAMPLE_RATE, 20.0, 0.0, 100.0, -500.0, 1.0)[0], (0, 1)
)


def each_alone(samples: Tensor) -> Tensor:
    """(batch, samples) -> (batch, bins, frames), by torchaudio, one utterance after another."""
    features = []
    for row in samples:
        one = kaldi.fbank(
            row[None] * 2**15,
            num_mel_bins=_BINS,
            window_type="hamming",
            dither=0.0,
            sample_frequency=SAMPLE_RATE,
        )
        features.append(one - one.mean(dim=0))
    return torch.stack(features).transpose(1, 2)


def plain_batch(samples: Tensor) -> Tensor:
    """(batch, samples) -> (batch, bins, frames), one step after another on the whole batch."""
    frames = (samples * 2**15).unfold(-1, _FRAME, _HOP)
    frames = frames - frames.mean(dim=-1, keepdim=True)
    before = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
    frames = (frames - 0.97 * before) * _WINDOW
    power = torch.fft.rfft(frames, n=_FFT).abs().square()
    features = (power @ _MEL.T).clamp(min=torch.finfo(torch.float32).eps).log()
    return (features - features.mean(dim=1, keepdim=True)).transpose(1, 2)


def build_ours() -> Fbank:
    """The same of this package."""
    return Fbank(SAMPLE_RATE, num_bins=_BINS, mean_normalize=True)


FORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "ours": build_ours(),
    "plain batch": plain_batch,
    "torchaudio, one by one": each_alone,
}
OURS, _, LOOP = FORMS
