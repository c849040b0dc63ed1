"""Noise that is no recording."""

from __future__ import annotations

import numpy as np
from scipy.fft import next_fast_len

from wesep_like.data.simulation.plans import NoiseColor

_LOWEST_HZ = 20.0  # what nobody hears must not take all the power, as it would in brown noise


def colored_noise(color: NoiseColor, num_samples: int, sample_rate: int) -> np.ndarray:
    """Samples (num_samples,), float32, with an RMS of about 1; the same for ever for one colour.

    Source:
        Timmer and Koenig, "On generating power law noise", A&A 1995: Gaussian samples of every
        frequency, scaled. Deviation: below 20 Hz the spectrum is flat.
    """
    size = next_fast_len(num_samples, real=True)
    white = np.random.default_rng(color.seed).standard_normal(size)
    frequencies = np.fft.rfftfreq(size, 1 / sample_rate)
    scale = np.maximum(frequencies, _LOWEST_HZ) ** (-color.exponent / 2)
    scale[0] = 0  # no offset
    samples = np.fft.irfft(np.fft.rfft(white) * scale, size)
    rms = np.sqrt(2 * np.square(scale[1:]).sum() / size)
    return (samples[:num_samples] / rms).astype(np.float32)
