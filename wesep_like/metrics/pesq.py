"""Perceived quality of speech."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from wesep_like.errors import AudioError, MissingPackageError, SampleRateError
from wesep_like.metrics.pairs import as_signals

BANDS = {8000: ("nb",), 16000: ("wb", "nb")}
"""At which sample rates it is defined, in Hz, and for which bands: wide, narrow."""

RATES = tuple(BANDS)


def pesq(
    estimate: np.ndarray | Tensor,
    target: np.ndarray | Tensor,
    sample_rate: int,
    *,
    band: str | None = None,
) -> float:
    """Perceptual evaluation of speech quality: a mean opinion score from about 1 to 4.6.

    Values of the two bands may not be compared.

    Args:
        estimate: (samples,).
        target: (samples,).
        sample_rate: Of both, in Hz.
        band: `wb` (wide, as through headphones) or `nb` (narrow, as through a telephone); None for
            the widest that the rate has.

    Raises:
        ShapeError: If the two are not of one shape (samples,).
        SampleRateError: If the rate is neither 8000 nor 16000 Hz, or has no such band.
        AudioError: If PESQ has no value: no speech is found in a signal, or it is too short.
        MissingPackageError: If the package `pesq` is not installed; it must be compiled.

    Source:
        ITU-T P.862 (narrow band, mapped by P.862.1) and P.862.2 (wide band), by the package `pesq`.
    """
    try:
        import pesq as package
    except ImportError as error:
        raise MissingPackageError(
            "PESQ: the package pesq is not installed. 'pip install pesq' wants a C compiler"
        ) from error

    estimate, target = as_signals(estimate, target)
    if sample_rate not in BANDS:
        raise SampleRateError(
            f"sample_rate: PESQ has no meaning at {sample_rate} Hz. It is defined at 8000 Hz "
            "(narrow band) and 16000 Hz (wide band). Resample both signals first."
        )
    bands = BANDS[sample_rate]
    if band is None:
        band = bands[0]
    if band not in bands:
        raise SampleRateError(
            f"band: PESQ has no {band!r} at {sample_rate} Hz. It has {', '.join(bands)}"
        )
    # The reference code scales both by the larger peak, and zero by zero is not a number.
    if not estimate.any() or not target.any():
        raise AudioError("PESQ: a signal is silent. It needs speech in both. Leave this one out.")
    try:
        return float(package.pesq(sample_rate, target, estimate, band))
    except package.NoUtterancesError:
        raise AudioError(
            "PESQ: no utterance was found in a signal. It needs speech in both. Leave this one out."
        ) from None
    except package.BufferTooShortError:
        raise AudioError(
            f"PESQ: {len(target) / sample_rate:.3f} s are too short. It needs 0.25 s or more."
        ) from None
