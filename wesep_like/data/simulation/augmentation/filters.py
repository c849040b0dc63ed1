"""Equalizers and band limits, which are one filter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wesep_like.audio.convolution import convolve
from wesep_like.data.simulation.augmentation.plans import BandPlan, EffectsPlan, EqualizerPlan

_PIVOT_HZ = 1000.0  # where a tilt has 0 dB
_FLAT_BELOW_HZ = 50.0
_EDGE_HZ = 100.0  # how far a band limit takes to fall from all to nothing, with half at the edge
_LEAST_SECONDS = 0.128  # of the response, in which such an edge has long died away


@dataclass(frozen=True)
class Filters:
    """Filters with no delay: symmetric in time, cut to `_LEAST_SECONDS` or a little more.

    Args:
        rows: (filters,) int, which signals they are for.
        tilt_db: (filters,), dB an octave.
        peaks: (filters, peaks, 3): middle in octaves over `_PIVOT_HZ`, gain in dB, width in
            octaves.
        band_hz: (filters, 2), lowest and highest frequency.
        sample_rate: Hz.
    """

    rows: Tensor
    tilt_db: Tensor
    peaks: Tensor
    band_hz: Tensor
    sample_rate: int

    @staticmethod
    def of(plans: Sequence[EffectsPlan | None], sample_rate: int) -> Filters | None:
        """Those that a row of plans asks for; None if none does."""
        asked = [
            (row, plan.equalizer or EqualizerPlan(0.0), plan.band_limit or BandPlan(0.0, math.inf))
            for row, plan in enumerate(plans)
            if plan is not None and (plan.equalizer or plan.band_limit)
        ]
        if not asked:
            return None
        peaks = torch.zeros(len(asked), max(len(e.peaks) for _, e, _ in asked), 3)
        peaks[..., 2] = 1.0
        for number, (_, equalizer, _) in enumerate(asked):
            for place, peak in enumerate(equalizer.peaks):
                middle = math.log2(peak.hz / _PIVOT_HZ)
                peaks[number, place] = torch.tensor([middle, peak.gain_db, peak.width_octaves])
        return Filters(
            rows=torch.tensor([row for row, _, _ in asked]),
            tilt_db=torch.tensor([equalizer.tilt_db for _, equalizer, _ in asked]),
            peaks=peaks,
            band_hz=torch.tensor([[band.low_hz, band.high_hz] for _, _, band in asked]),
            sample_rate=sample_rate,
        )

    def changed(self, signals: Tensor) -> Tensor:
        """What they make of signals (filters, samples)."""
        taps = self._taps()
        delay = torch.full_like(self.rows, taps.shape[-1] // 2)
        return convolve(signals, taps, delay)

    def _taps(self) -> Tensor:
        """(filters, taps); time 0 is in the middle."""
        # Of one length whatever the batch, so that an example sounds alike in every batch.
        size = 1 << math.ceil(math.log2(_LEAST_SECONDS * self.sample_rate))
        hertz = torch.arange(size // 2 + 1, device=self.rows.device) * (self.sample_rate / size)
        taps = torch.fft.irfft(self._response(hertz), size).roll(size // 2, dims=-1)
        return taps * torch.hann_window(size, device=taps.device)

    def _response(self, hertz: Tensor) -> Tensor:
        """(filters, points): the factor at each frequency (points,)."""
        octaves = (hertz.clamp_min(_FLAT_BELOW_HZ) / _PIVOT_HZ).log2()
        middle, gain_db, width = self.peaks[..., None].unbind(dim=2)
        shapes = 2.0 ** -(2 * (octaves - middle) / width).square()
        level_db = self.tilt_db[:, None] * octaves + (gain_db * shapes).sum(dim=1)
        low, high = self.band_hz[..., None].unbind(dim=1)
        is_kept = torch.where(low > 0, _rise(hertz - low), 1.0) * _rise(high - hertz)
        return 10 ** (level_db / 20) * is_kept


def _rise(hertz: Tensor) -> Tensor:
    """From 0 to 1 about 0 Hz, as a half wave of a cosine."""
    return 0.5 + 0.5 * torch.sin(math.pi * (hertz / _EDGE_HZ).clamp(-0.5, 0.5))
