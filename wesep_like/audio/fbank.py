"""Log mel features of waveforms, as published speaker encoders expect them; batched, any device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from wesep_like.audio.precision import full_precision
from wesep_like.errors import AudioError

WindowName = Literal["hamming", "povey"]

_LOWEST_HZ = 20.0
_PRE_EMPHASIS = 0.97
_MEL = 1127.0  # mel per e-fold of hertz
# How many frames a CPU takes at a time, so that what it makes of them stays in its cache.
_CACHED_FRAMES = 1000
# So many neighbouring mel bins are summed at a time, over the part of the spectrum that they hear.
_BAND_BINS = 16


class Fbank(nn.Module):
    """Kaldi's log mel filter bank: frames of 25 ms every 10 ms, only those wholly in the signal.

    Each frame loses its mean, is pre-emphasised by 0.97, windowed and padded to a power of two.
    There is no dither.

    Args:
        sample_rate: Hz.
        num_bins: Mel bins, from 20 Hz to half the sample rate.
        window: Kaldi's own is povey; WeSpeaker trains with hamming.
        waveform_scale: What full scale is; Kaldi counts in steps of 16 bits.
        mean_normalize: Take each bin's mean over the frames away.
        frame_samples: Length of a frame, if not 25 ms.
        hop_samples: Step from frame to frame, if not 10 ms.

    Source:
        Kaldi, feat/feature-fbank.cc and feat/mel-computations.cc.
    """

    window: Tensor
    mel: Tensor

    def __init__(
        self,
        sample_rate: int,
        *,
        num_bins: int = 80,
        window: WindowName = "hamming",
        waveform_scale: float = 32768.0,
        mean_normalize: bool = False,
        frame_samples: int | None = None,
        hop_samples: int | None = None,
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.num_bins = num_bins
        self.waveform_scale = waveform_scale
        self.mean_normalize = mean_normalize
        self.frame_samples = frame_samples or sample_rate * 25 // 1000
        self.hop_samples = hop_samples or sample_rate * 10 // 1000
        self.fft_size = 2 ** math.ceil(math.log2(self.frame_samples))
        hertz = np.arange(self.fft_size // 2 + 1) * sample_rate / self.fft_size
        edges = np.linspace(_mel(_LOWEST_HZ), _mel(sample_rate / 2), num_bins + 2)
        mel = _triangles(_mel(hertz), edges)
        self._bands = _bands(mel)
        taper = _window(window, self.frame_samples)
        self.register_buffer("window", _tensor(taper), persistent=False)
        self.register_buffer("mel", _tensor(mel), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Log mel energies: (batch, samples) -> (batch, bins, frames).

        Raises:
            AudioError: If there are too few samples for one frame.
        """
        if samples.shape[-1] < self.frame_samples:
            raise AudioError(
                f"samples: {samples.shape[-1]} are too few for a frame of features. "
                f"Give at least {self.frame_samples} (25 ms at {self.sample_rate} Hz)"
            )
        with full_precision(samples.device):
            scaled = samples.to(self.window.dtype) * self.waveform_scale
            frames = scaled.unfold(-1, self.frame_samples, self.hop_samples)
            features = torch.cat([self._log_mel(part) for part in _in_parts(frames)], dim=-2)
            features = features.transpose(-1, -2).contiguous()
            if self.mean_normalize:
                features = features - features.mean(-1, keepdim=True)
            return features

    def _log_mel(self, frames: Tensor) -> Tensor:
        """(batch, frames, samples) -> (batch, frames, bins)."""
        frames = frames - frames.mean(-1, keepdim=True)
        before = torch.cat((frames[..., :1], frames[..., :-1]), dim=-1)
        frames = torch.sub(frames, before, alpha=_PRE_EMPHASIS) * self.window
        power = _squared(torch.fft.rfft(frames, n=self.fft_size))
        bands = [power[..., points] @ self.mel[bins, points].T for bins, points in self._bands]
        return torch.cat(bands, dim=-1).clamp(min=torch.finfo(torch.float32).eps).log()


class PreEmphasisLogMel(nn.Module):
    """The log mel features that WeSep calls "consistent": in step with a separator's STFT.

    The whole signal is pre-emphasised by 0.97; frames are centred, so a signal of n samples has
    n // hop_samples + 1; each bin's mean over the frames is taken away.

    Args:
        sample_rate: Hz.
        num_bins: Mel bins, from 20 Hz to half the sample rate.
        win_samples: Length of a frame and of its FFT.
        hop_samples: Step from frame to frame.

    Source:
        WeSep, feat_type "consistent": HTK mel scale, triangles in Hz, periodic Hamming window,
        log(x + 1e-8).
    """

    window: Tensor
    mel: Tensor

    def __init__(
        self,
        sample_rate: int,
        *,
        num_bins: int = 80,
        win_samples: int = 512,
        hop_samples: int = 128,
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.num_bins = num_bins
        self.win_samples = win_samples
        self.hop_samples = hop_samples
        hertz = np.arange(win_samples // 2 + 1) * sample_rate / win_samples
        edges = np.linspace(_mel(_LOWEST_HZ), _mel(sample_rate / 2), num_bins + 2)
        mel = _triangles(hertz, 700 * np.expm1(edges / _MEL))
        # Periodic: one period of the cosine is win_samples long.
        window = np.hamming(win_samples + 1)[:-1]
        self.register_buffer("window", _tensor(window), persistent=False)
        self.register_buffer("mel", _tensor(mel), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Log mel energies: (batch, samples) -> (batch, bins, frames).

        Raises:
            AudioError: If there are too few samples to be reflected at both ends.
        """
        if samples.shape[-1] <= self.win_samples // 2:
            raise AudioError(
                f"samples: {samples.shape[-1]} are too few for a frame of features. "
                f"Give at least {self.win_samples // 2 + 1}"
            )
        with full_precision(samples.device):
            samples = samples.to(self.window.dtype)
            # The first sample's predecessor is its mirror image, the second sample.
            before = torch.cat((samples[..., 1:2], samples[..., :-1]), dim=-1)
            spectrum = torch.stft(
                samples - _PRE_EMPHASIS * before,
                self.win_samples,
                self.hop_samples,
                window=self.window,
                pad_mode="reflect",
                return_complex=True,
            )
            features = (self.mel @ _squared(spectrum) + 1e-8).log()
            return features - features.mean(-1, keepdim=True)


def _mel(hertz: float | np.ndarray) -> np.ndarray:
    return _MEL * np.log1p(np.asarray(hertz) / 700)


def _triangles(points: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Weights (bins, points): each bin rises from one edge to the next, then falls."""
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (points - low) / (middle - low)
    falling = (high - points) / (high - middle)
    return np.minimum(rising, falling).clip(min=0)


def _bands(mel: np.ndarray) -> list[tuple[slice, slice]]:
    """Groups of neighbouring bins, each with the stretch of points in which it has weights."""
    bands = []
    for first in range(0, len(mel), _BAND_BINS):
        bins = slice(first, first + _BAND_BINS)
        heard = np.flatnonzero(mel[bins].any(axis=0))
        points = slice(int(heard[0]), int(heard[-1]) + 1) if heard.size else slice(0)
        bands.append((bins, points))
    return bands


def _in_parts(frames: Tensor) -> Sequence[Tensor]:
    """(batch, frames, samples), cut between frames; whole where that is no faster or not known."""
    if frames.device.type != "cpu" or torch.compiler.is_compiling():
        return [frames]
    batch = max(1, frames.shape[:-2].numel())
    return frames.split(max(1, _CACHED_FRAMES // batch), dim=-2)


def _window(name: WindowName, num_samples: int) -> np.ndarray:
    """A symmetric window; povey is Kaldi's own, a Hann window that falls less steeply."""
    return np.hamming(num_samples) if name == "hamming" else np.hanning(num_samples) ** 0.85


def _squared(spectrum: Tensor) -> Tensor:
    """Power of complex values; `abs` would take a root first, with no gradient at zero."""
    return spectrum.real.square() + spectrum.imag.square()


def _tensor(values: np.ndarray) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32)
