"""What listeners would say of the quality of speech, guessed by a network from the output alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from wesep_like.audio.resample import resample
from wesep_like.errors import AudioError, MissingPackageError, ShapeError
from wesep_like.metrics.pairs import as_array

SCORES = ("ovrl", "sig", "bak", "p808")
"""Overall quality, that of the speech, that of the background (P.835), and quality by P.808."""

_RATE = 16000
_MIN_SECONDS = 0.1  # what is shorter than 9 s is repeated; of a click no speech would come


def check_installed() -> None:
    """Goes on only if `dnsmos` can be computed.

    Raises:
        MissingPackageError: If not.
    """
    _package()


def dnsmos(signal: np.ndarray | Tensor, sample_rate: int) -> dict[str, float]:
    """DNSMOS: each of `SCORES` as a mean opinion score from about 1 to 5; larger is better.

    Nothing is compared with a target, so a clean voice is rated well whoever speaks, and two clean
    voices may be rated as well as one: it tells nothing of whether a voice was extracted. Read it
    beside SI-SDRi and the similarity to the enrollment, never alone.

    Args:
        signal: (samples,); what is louder than full scale is turned down to it. What is shorter
            than 9 s is repeated; of a longer one the mean over windows counts.
        sample_rate: In Hz; resampled to 16 kHz.

    Raises:
        ShapeError: If it is not (samples,).
        AudioError: If it is silent, or shorter than 0.1 s.
        MissingPackageError: If the packages of the extra `dnsmos` are not installed.

    Source:
        Reddy et al., "DNSMOS P.835", ICASSP 2022, and "DNSMOS", ICASSP 2021; models and code of the
        package `speechmos`.
    """
    package = _package()
    samples = as_array(signal)
    if samples.ndim != 1:
        raise ShapeError(f"signal: shape {samples.shape}. Give a single signal, (samples,).")
    if len(samples) < _MIN_SECONDS * sample_rate:
        raise AudioError(
            f"DNSMOS: {len(samples) / sample_rate:.3f} s are too short. It needs 0.1 s or more."
        )
    if not samples.any():
        raise AudioError("DNSMOS: the signal is silent. Leave this one out.")
    samples = resample(samples.astype(np.float32), sample_rate, _RATE)
    samples = samples / max(1.0, np.abs(samples).max())
    said = package.run(samples, _RATE)
    return {name: float(said[f"{name}_mos"]) for name in SCORES}


def _package() -> Any:
    try:
        from speechmos import dnsmos as package
    except ImportError as error:
        raise MissingPackageError(
            f"DNSMOS: the package {error.name} is not installed. "
            "'pip install speechmos librosa onnxruntime requests'"
        ) from error
    return package
