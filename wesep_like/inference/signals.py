"""What a caller hands over as audio: checked once, here, and made (samples,) float32."""

from __future__ import annotations

import warnings
from numbers import Integral

import numpy as np
from torch import Tensor

from wesep_like.audio.levels import check_not_silent
from wesep_like.errors import AudioError, SampleRateError, ShapeError

# A short syllable; a model may need more.
MIN_SECONDS = 0.1
# Below this an enrollment says little about a voice.
GOOD_ENROLLMENT_SECONDS = 1.0


class ShortEnrollmentWarning(UserWarning):
    """A recording is so short that the voice in it may be mistaken."""


def to_mono(
    signal: np.ndarray | Tensor, sample_rate: int, where: str, min_seconds: float = MIN_SECONDS
) -> np.ndarray:
    """A caller's signal, checked, as (samples,) float32 at its own rate; it is not changed.

    Raises:
        ShapeError: If it has more than one axis.
        SampleRateError: If the rate is no positive whole number.
        AudioError: If it is no floating-point signal, has NaN or infinity in it, or is too short.
        SilentSignalError: If there is no sound in it.
    """
    samples = _as_array(signal)
    if samples.ndim != 1:
        raise ShapeError(
            f"{where}: expected one channel, (samples,), got shape {samples.shape}. "
            "Choose a channel or average them."
        )
    if not np.issubdtype(samples.dtype, np.floating):
        raise AudioError(
            f"{where}: expected floating-point samples in [-1, 1], got {samples.dtype}. "
            "Divide 16-bit samples by 32768."
        )
    is_whole = isinstance(sample_rate, Integral) and not isinstance(sample_rate, bool)
    if not is_whole or sample_rate <= 0:
        raise SampleRateError(
            f"{where}: expected a sample rate in whole Hz above 0, got {sample_rate!r}"
        )
    check_long_enough(samples, sample_rate, where, min_seconds)
    if not np.isfinite(samples).all():
        raise AudioError(f"{where}: has samples that are NaN or infinite. Repair the recording.")
    samples = samples.astype(np.float32, copy=False)
    check_not_silent(samples, where)
    return samples


def check_long_enough(
    samples: np.ndarray, sample_rate: int, where: str, min_seconds: float
) -> None:
    """Goes on only if there are `min_seconds` of samples.

    Raises:
        AudioError: If there are fewer.
    """
    seconds = len(samples) / sample_rate
    if seconds < min_seconds:
        raise AudioError(
            f"{where}: too short ({1000 * seconds:.3g} ms). "
            f"At least {1000 * min_seconds:.4g} ms are needed."
        )


def warn_if_short(samples: np.ndarray, sample_rate: int, where: str) -> None:
    """A `ShortEnrollmentWarning` if there is less than a second of speech to know a voice by."""
    seconds = len(samples) / sample_rate
    if seconds < GOOD_ENROLLMENT_SECONDS:
        warnings.warn(
            f"{where}: only {seconds:.2f} s long, so the voice may be mistaken. "
            "Three seconds or more are good.",
            ShortEnrollmentWarning,
            stacklevel=3,
        )


def fit_length(samples: np.ndarray, num_samples: int) -> np.ndarray:
    """`samples` cut or filled with zeros at the end: resampling there and back may be one off."""
    missing = num_samples - len(samples)
    return np.pad(samples, (0, missing)) if missing > 0 else samples[:num_samples]


def _as_array(signal: np.ndarray | Tensor) -> np.ndarray:
    if not isinstance(signal, Tensor):
        return np.asarray(signal)
    signal = signal.detach().cpu()
    # NumPy has no bfloat16.
    return (signal.float() if signal.is_floating_point() else signal).numpy()
