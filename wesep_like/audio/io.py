"""Sound files to samples and back; with `ark`, the only module of this room that touches files.

A file that is broken in any way gives one `AudioError` that begins with its path, never noise or a
shorter signal.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

from wesep_like.audio.ark import STREAMED_BYTES, open_entry, split_entry
from wesep_like.audio.ogg import PAGE_BYTES, has_last_page
from wesep_like.audio.resample import resample
from wesep_like.config.atomic import atomic_path, check_writable
from wesep_like.errors import AudioError, OutputError, ShapeError, SilentSignalError

_OUTPUT_FORMATS = {".wav": "WAV", ".flac": "FLAC"}

# libsndfile silently shortens a WAV, AIFF or AU whose data end early, and says so in its log only.
_CUT = re.compile(r"^ *(?:data|SSND|Data Size) *: (\d+) \(should be (\d+)\)", re.MULTILINE)
# What libsndfile gives as the length of a FLAC that was written to a pipe.
_UNKNOWN = 2**63 - 1
_SOUGHT_SAMPLES = 4096  # at a time; nearly every file has sound in the first of them


@dataclass(frozen=True)
class Waveform:
    """Samples and their rate.

    Attributes:
        samples: (samples,) float32 in -1..1.
        sample_rate: Hz.
    """

    samples: np.ndarray
    sample_rate: int


@dataclass(frozen=True)
class AudioInfo:
    """What a sound file says of itself; `num_samples` is per channel."""

    num_samples: int
    sample_rate: int
    num_channels: int


def info(path: str | os.PathLike[str], *, content: bytes | None = None) -> AudioInfo:
    """What the header of a sound file says; no sample is decoded.

    Args:
        path: The file.
        content: What is in it, where it is in memory and `path` only its name.

    Raises:
        AudioError: If it is missing, empty, cut short or no sound file.
    """
    with _opened(path, content) as file:
        return AudioInfo(file.frames, file.samplerate, file.channels)


def sounding_info(path: str | os.PathLike[str]) -> AudioInfo:
    """As `info`, of a file that is not silence; samples are decoded up to the first that is not 0.

    Raises:
        SilentSignalError: If all samples are 0.
        AudioError: As in `info`.
    """
    with _opened(path, None) as file:
        while len(samples := file.read(_SOUGHT_SAMPLES, dtype="float32")):
            if samples.any():
                return AudioInfo(file.frames, file.samplerate, file.channels)
        raise SilentSignalError(f"{path}: is silent (all of its {file.frames} samples are 0)")


def file_content(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a sound file, or of a sound in a Kaldi archive; not looked into.

    Raises:
        AudioError: If there is none.
    """
    entry = split_entry(path)
    _check_there(path, path if entry is None else entry[0])
    with open(path, "rb") if entry is None else open_entry(*entry) as file:
        return file.read()


def read(
    path: str | os.PathLike[str],
    *,
    content: bytes | None = None,
    sample_rate: int | None = None,
    channel: int | None = None,
    start: int = 0,
    num_samples: int | None = None,
) -> Waveform:
    """One channel of a sound file (wav, flac, ogg, opus or mp3), or a stretch of it.

    Args:
        path: The file; `FILE.ark:OFFSET` is a sound in a Kaldi archive.
        content: What is in it, where it is in memory and `path` only its name.
        sample_rate: Hz to resample to; the file's own if None.
        channel: Which channel, from 0; the mean of all if None.
        start: First sample, counted at the file's own rate.
        num_samples: How many samples, counted at the file's own rate; up to the end if None.

    Raises:
        AudioError: If the file is missing, empty, cut short or no sound file, if it has NaN or
            infinite samples, or if there is no such channel or stretch.
    """
    with _opened(path, content) as file:
        if channel is not None and not 0 <= channel < file.channels:
            raise AudioError(
                f"{path}: has no channel {channel}. It has {file.channels}, counted from 0"
            )
        count = file.frames - start if num_samples is None else num_samples
        if start < 0 or count <= 0 or start + count > file.frames:
            raise AudioError(
                f"{path}: has no samples {start} to {start + count}. It has {file.frames}"
            )
        file.seek(start)
        frames = file.read(count, dtype="float32", always_2d=True)
        own_rate = file.samplerate
    if len(frames) < count:
        raise _cut(path, count, len(frames), "samples")
    if channel is not None:
        frames = frames[:, [channel]]
    if not np.isfinite(frames).all():
        place, number = np.argwhere(~np.isfinite(frames))[0]
        raise AudioError(
            f"{path}: sample {start + place} is {frames[place, number]}. Expected finite numbers"
        )
    samples = frames.mean(axis=1)
    if sample_rate is None:
        return Waveform(samples, own_rate)
    return Waveform(resample(samples, own_rate, sample_rate), sample_rate)


def write(path: str | os.PathLike[str], samples: np.ndarray, sample_rate: int) -> float:
    """The file holds the samples in 16 bits; it is never there half written.

    A signal whose peak is above 1 does not fit and is scaled as a whole to a peak of 0.99, which
    distorts nothing. One that fits is not scaled: what was read from a 16-bit file is written back
    bit by bit.

    Args:
        path: The file; its suffix says the format, .wav or .flac.
        samples: (samples,) floating point.
        sample_rate: Hz.

    Returns:
        The factor that the samples were scaled by, 1.0 if not at all. A caller warns if it is less.

    Raises:
        OutputError: If the suffix is unknown or the file cannot be written.
        AudioError: If there are no samples, or they are not finite floating point numbers.
        ShapeError: If there is more than one axis.
    """
    check_output(path)
    samples = np.asarray(samples)
    if samples.ndim != 1:
        raise ShapeError(f"{path}: expected samples on one axis, got shape {samples.shape}")
    if samples.size == 0:
        raise AudioError(f"{path}: there are no samples to write")
    if not np.issubdtype(samples.dtype, np.floating):
        raise AudioError(f"{path}: expected floating point samples in -1..1, got {samples.dtype}")
    if not np.isfinite(samples).all():
        raise AudioError(f"{path}: samples to write are NaN or infinite. Expected finite numbers")
    peak = float(np.abs(samples).max())
    factor = 1.0 if peak <= 1 else 0.99 / peak
    steps = np.rint(samples * (factor * 2**15)).clip(-(2**15), 2**15 - 1).astype(np.int16)
    write_unscaled(path, steps, sample_rate, subtype="PCM_16")
    return factor


def write_unscaled(
    path: str | os.PathLike[str],
    samples: np.ndarray,
    sample_rate: int,
    *,
    subtype: Literal["FLOAT", "PCM_16"],
) -> None:
    """The file holds the samples bit by bit as `soundfile.write` writes them; else take `write`.

    Args:
        path: The file, .wav or .flac; it is never there half written.
        samples: (samples,) or (samples, channels).
        sample_rate: Hz.
        subtype: Floats of 32 bits, as loud as they are, for responses; or 16 bits: of floats that
            is rounded down and clipped to -1..1, as in published corpora.

    Raises:
        OutputError: If the file cannot be written.
    """
    form = _OUTPUT_FORMATS[Path(path).suffix.lower()]
    with atomic_path(path) as draft:
        try:
            soundfile.write(draft, samples, sample_rate, format=form, subtype=subtype)
        except soundfile.LibsndfileError as error:
            raise OutputError(f"{path}: cannot be written ({_reason(error)})") from error


def check_output(path: str | os.PathLike[str]) -> None:
    """Goes on only if `write` could write there; worth asking before a long computation.

    Raises:
        OutputError: If the suffix is unknown, or no file can be written there.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _OUTPUT_FORMATS:
        known = ", ".join(_OUTPUT_FORMATS)
        raise OutputError(f"{path}: no format to write has the suffix {suffix!r}. Known: {known}")
    check_writable(path)


@contextmanager
def _opened(path: str | os.PathLike[str], content: bytes | None) -> Iterator[soundfile.SoundFile]:
    """The file, opened and known to be whole as far as its header tells."""
    entry = split_entry(path) if content is None else None
    if content is None:
        _check_there(path, path if entry is None else entry[0])
    whole = path if content is None else io.BytesIO(content)
    try:
        with (
            nullcontext(whole) if entry is None else open_entry(*entry) as source,
            soundfile.SoundFile(source) as file,
        ):
            if cut := _CUT.search(file.extra_info):
                said, there = int(cut[1]), int(cut[2])
                if there < said < STREAMED_BYTES:
                    raise _cut(path, said, there, "bytes of sound")
            # Of one in an archive, the archive says how long it is.
            if file.format == "OGG" and entry is None and not has_last_page(_end(path, content)):
                raise AudioError(f"{path}: is cut short (its last page is missing). Get it anew")
            if file.frames == _UNKNOWN:
                raise AudioError(
                    f"{path}: does not say how long it is, as a flac from a pipe. "
                    "Write it anew as a file"
                )
            if file.frames == 0:
                raise AudioError(f"{path}: has no samples")
            yield file
    except (soundfile.LibsndfileError, TypeError) as error:
        # TypeError: the suffix says that there is no header, as in .raw.
        reason = _reason(error) if isinstance(error, soundfile.LibsndfileError) else "no header"
        raise AudioError(
            f"{path}: cannot be read as sound ({reason}). "
            "Expected a whole wav, flac, ogg, opus or mp3"
        ) from error


def _check_there(path: str | os.PathLike[str], file: str | os.PathLike[str]) -> None:
    """Goes on only if `file`, which `path` names, is there, not empty, and may be read."""
    if not os.path.exists(file):
        raise AudioError(f"{path}: there is no such file")
    if os.path.isdir(file):
        raise AudioError(f"{path}: is a folder. Expected a sound file")
    if os.path.isfile(file) and os.path.getsize(file) == 0:
        raise AudioError(f"{path}: is empty (0 bytes)")
    if not os.access(file, os.R_OK):
        raise AudioError(f"{path}: may not be read. Ask its owner for permission")


def _end(path: str | os.PathLike[str], content: bytes | None) -> bytes:
    """The last bytes, enough for a page of an Ogg file."""
    if content is not None:
        return content[-PAGE_BYTES:]
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - PAGE_BYTES))
        return file.read()


def _cut(path: str | os.PathLike[str], said: int, there: int, unit: str) -> AudioError:
    return AudioError(f"{path}: is cut short ({there} of {said} {unit} are there). Get it anew")


def _reason(error: soundfile.LibsndfileError) -> str:
    reason = error.error_string.removeprefix("Error : ").strip(" .")
    # What libsndfile says of a file that it took for an MP3.
    return "Format not recognised" if reason.startswith("File does not exist") else reason
