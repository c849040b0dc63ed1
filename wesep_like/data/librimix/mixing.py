"""From a line of LibriMix's metadata to the samples of its files.

Source:
    Cosentino et al., "LibriMix: An open-source dataset for generalizable speech separation", 2020,
    and what the scripts of the authors compute. The samples are theirs bit by bit where numpy,
    scipy and libsndfile are of the same version: sources are read as float32 and scaled, brought to
    8 kHz by `scipy.signal.resample_poly`, cut or filled up; mixtures are sums of these floats;
    libsndfile makes 16 bits of each file on its own, rounding down and clipping. So a mixture is
    the sum of its files to one step of 16 bits for each of them. (Old versions of scipy computed in
    float64 at 8 kHz, which changes some samples by one step.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from wesep_like.audio import io
from wesep_like.data.librimix.metadata import MetadataRow, ScaledFile
from wesep_like.errors import AudioError, SampleRateError

SOURCE_RATE = 16000
# Of the cross-fade from a noise's end to its beginning.
FADE_SAMPLES = SOURCE_RATE // 2 + 1
# WHAM!'s noises for training, played faster and slower, are not part of WHAM!.
_CHANGED_SPEEDS = ("sp08", "sp12")


def read_scaled(row: MetadataRow, librispeech: Path, wham: Path | None) -> dict[str, np.ndarray]:
    """The sources s1, s2, ... of a mixture as loud as in it, at 16 kHz; with `wham`, and `noise`.

    The noise is the first channel of its file, cut to the longest source or repeated up to it.

    Raises:
        AudioError: If a file cannot be read or is not at 16 kHz, or a noise that must be repeated
            is shorter than the cross-fade.
    """
    scaled = {
        f"s{number}": _read(librispeech / source.path) * source.gain
        for number, source in enumerate(row.sources, start=1)
    }
    if wham is not None and row.noise is not None:
        longest = max(len(signal) for signal in scaled.values())
        scaled["noise"] = _read_noise(wham, row.noise, longest) * row.noise.gain
    return scaled


def at_rate(signals: Mapping[str, np.ndarray], sample_rate: int) -> dict[str, np.ndarray]:
    """The signals at another rate than 16 kHz."""
    if sample_rate == SOURCE_RATE:
        return dict(signals)
    return {
        name: resample_poly(signal, sample_rate, SOURCE_RATE) for name, signal in signals.items()
    }


def fitted(signals: Mapping[str, np.ndarray], mode: str) -> dict[str, np.ndarray]:
    """All signals cut to the shortest (mode min), or filled up with zeros to the longest (max)."""
    lengths = [len(signal) for signal in signals.values()]
    if mode == "min":
        return {name: signal[: min(lengths)] for name, signal in signals.items()}
    longest = max(lengths)
    return {name: np.pad(signal, (0, longest - len(signal))) for name, signal in signals.items()}


def mixed(signals: Sequence[np.ndarray]) -> np.ndarray:
    """The sum of signals that are equally long, added up one after another, in float32."""
    mixture = np.zeros_like(signals[0])
    for signal in signals:
        # In place: a noise that was repeated is float64, the sum is not.
        mixture += signal
    return mixture


def repeated_noise(noise: np.ndarray, num_samples: int) -> np.ndarray:
    """A noise at 16 kHz, made longer by itself, with half a second of cross-fade (Hann) between.

    Args:
        noise: (samples,), at least `FADE_SAMPLES` of them.
        num_samples: How long it becomes; shorter than that it must be.
    """
    window = np.hanning(2 * FADE_SAMPLES - 1)
    rising, falling = window[:FADE_SAMPLES], window[FADE_SAMPLES - 1 :]
    beginning, rest = noise[:FADE_SAMPLES] * rising, noise[FADE_SAMPLES:]
    longer = noise
    while len(longer) < num_samples:
        fade = longer[-FADE_SAMPLES:] * falling + beginning
        longer = np.concatenate([longer[:-FADE_SAMPLES], fade, rest])
    return longer[:num_samples]


def _read_noise(wham: Path, noise: ScaledFile, num_samples: int) -> np.ndarray:
    path = wham / noise.path
    try:
        samples = _read(path, channel=0)[:num_samples]
    except AudioError as error:
        if not path.exists() and path.stem[-4:] in _CHANGED_SPEEDS:
            raise AudioError(
                f"{error}. LibriMix's scripts/augment_train_noise.py makes it of WHAM!'s"
            ) from error
        raise
    if len(samples) >= num_samples:
        return samples
    if len(samples) < FADE_SAMPLES:
        raise AudioError(
            f"{path}: has {len(samples)} samples, too few to be repeated. "
            f"Expected at least {FADE_SAMPLES}"
        )
    return repeated_noise(samples, num_samples)


def _read(path: Path, channel: int | None = None) -> np.ndarray:
    waveform = io.read(path, channel=channel)
    if waveform.sample_rate != SOURCE_RATE:
        raise SampleRateError(
            f"{path}: is at {waveform.sample_rate} Hz. LibriMix is made of {SOURCE_RATE} Hz"
        )
    return waveform.samples
