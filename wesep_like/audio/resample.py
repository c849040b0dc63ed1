"""From one sample rate to another; n samples always become `ceil(n * to_hz / from_hz)`."""

from __future__ import annotations

import numpy as np
import soxr
from torch import Tensor

from wesep_like.audio.torchaudio_import import torchaudio
from wesep_like.errors import SampleRateError


def resampled_length(num_samples: int, from_hz: int, to_hz: int) -> int:
    """How many samples `num_samples` become: rounded up, so that nothing is lost at the end."""
    return -(-num_samples * to_hz // from_hz)


def resample(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """A waveform (samples,) at another rate, as float32; made with soxr, for files.

    Raises:
        SampleRateError: If a rate is not a positive whole number.
    """
    _check_rates(from_hz, to_hz)
    samples = np.asarray(samples, dtype=np.float32)
    if from_hz == to_hz:
        return samples
    length = resampled_length(len(samples), from_hz, to_hz)
    # soxr rounds the length; silence for at least one sample more at the output makes it enough.
    padded = np.pad(samples, (0, from_hz // to_hz + 1))
    return soxr.resample(padded, from_hz, to_hz)[:length]


def resample_tensor(samples: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """Waveforms (*, samples) at another rate; differentiable, on any device.

    Memory grows with `to_hz / gcd(from_hz, to_hz)`: to play faster by 10 %, say 11 and 10, not
    17600 and 16001.

    Raises:
        SampleRateError: If a rate is not a positive whole number.
    """
    _check_rates(from_hz, to_hz)
    return torchaudio.functional.resample(samples, from_hz, to_hz)


def _check_rates(from_hz: int, to_hz: int) -> None:
    for name, rate in (("from_hz", from_hz), ("to_hz", to_hz)):
        if rate != int(rate) or rate <= 0:
            raise SampleRateError(f"{name}: expected a positive whole number of Hz, got {rate!r}")
