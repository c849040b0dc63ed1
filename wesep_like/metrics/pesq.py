"""Perceived quality of speech."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from wesep_like.errors import AudioError, MissingPackageError, SampleRateError
from wesep_like.metrics.pairs import as_signals

_BANDS = {8000: "nb", 16000: "wb"}
RATES = tuple(_BANDS)  # where it is defined, in Hz


def pesq(estimate: np.ndarray | Tensor, target: np.ndarray | Tensor, sample_rate: int) -> float:
    """Perceptual evaluation of speech quality: a mean opinion score from about 1 to 4.6.

    Narrow band at 8 kHz, wide band at 16 kHz; values of the two may not be compared.

    Args:
        estimate: (samples,).
        target: (samples,).
        sample_rate: Of both, in Hz.

    Raises:
        ShapeError: If the two are not of one shape (samples,).
        SampleRateError: If the rate is neither 8000 nor 16000 Hz.
        AudioError: If PESQ has no value: no speech is found in a signal, or it is too short.
        MissingPackageError: If the package `pesq` is not installed; it must be compiled.

    Source:
        ITU-T P.862 (8 kHz, mapped by P.862.1) and P.862.2 (16 kHz), by the package `pesq`.
    """
    try:
        import pesq as package
    except ImportError as error:
        raise MissingPackageError(
            "PESQ: the package pesq is not installed. 'pip install pesq' wants a C compiler"
        ) from error

    estimate, target = as_signals(estimate, target)
    if sample_rate not in _BANDS:
        raise SampleRateError(
            f"sample_rate: PESQ has no meaning at {sample_rate} Hz. It is defined at 8000 Hz "
            "(narrow band) and 16000 Hz (wide band). Resample both signals first."
        )
    # The reference code scales both by the larger peak, and zero by zero is not a number.
    if not estimate.any() or not target.any():
        raise AudioError("PESQ: a signal is silent. It needs speech in both. Leave this one out.")
    try:
        return float(package.pesq(sample_rate, target, estimate, _BANDS[sample_rate]))
    except package.NoUtterancesError:
        raise AudioError(
            "PESQ: no utterance was found in a signal. It needs speech in both. Leave this one out."
        ) from None
    except package.BufferTooShortError:
        raise AudioError(
            f"PESQ: {len(target) / sample_rate:.3f} s are too short. It needs 0.25 s or more."
        ) from None
