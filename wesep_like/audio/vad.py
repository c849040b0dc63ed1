"""Where in a recording somebody speaks, so that an enrollment can do without its silence."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import torch

from wesep_like.audio.levels import rms_db
from wesep_like.audio.resample import resample
from wesep_like.audio.units import to_samples
from wesep_like.errors import AudioError, ConfigError, MissingPackageError

Stretch: TypeAlias = tuple[int, int]
"""A part of a recording: its first sample, and the one after its last."""
FindSpeech: TypeAlias = Callable[[np.ndarray, int], Sequence[Stretch]]
"""(samples,) and their rate in Hz -> where somebody speaks, in order."""

# Pauses within an utterance are left as they are: they are shorter.
_PAUSE_SECONDS = 0.5
# What is shorter is a click or a knock.
_LEAST_SECONDS = 0.1
# Kept before and after each stretch, where soft sounds begin and end.
_MARGIN_SECONDS = 0.1

_BLOCK_SECONDS = 0.02
# Of so much of the recording, the loudest, the softest part is what counts as loud.
_LOUD_SECONDS = 0.3
# How far below that speech can be, and below the loudest block of all.
_RANGE_DB, _CLICK_RANGE_DB = 30.0, 60.0

_SILERO_HZ = 16000


def energy_stretches(samples: np.ndarray, sample_rate: int) -> list[Stretch]:
    """Where a recording is not much softer than where it is loud.

    Blocks of 20 ms count as speech from 30 dB below the level that the loudest 0.3 s reach; how
    long the silence around them is does not matter. Pauses of less than 0.5 s are kept, sounds of
    less than 0.1 s left out, and each stretch begins and ends 0.1 s outside of what is loud.
    So a recording whose noise is within 30 dB of the voice is kept whole.

    Args:
        samples: (samples,), at any level.
        sample_rate: Hz.
    """
    block = max(1, to_samples(_BLOCK_SECONDS, sample_rate))
    blocks = np.pad(samples, (0, -len(samples) % block)).astype(np.float64).reshape(-1, block)
    levels = rms_db(blocks - blocks.mean(axis=1, keepdims=True))
    loudest = np.sort(levels)[::-1]
    loud = loudest[min(round(_LOUD_SECONDS / _BLOCK_SECONDS), len(loudest)) - 1]
    is_speech = levels > max(loud - _RANGE_DB, loudest[0] - _CLICK_RANGE_DB)
    edges = np.flatnonzero(np.diff(is_speech, prepend=False, append=False)) * block
    pause, least, margin = (
        to_samples(seconds, sample_rate)
        for seconds in (_PAUSE_SECONDS, _LEAST_SECONDS, _MARGIN_SECONDS)
    )
    whole = _joined([(int(start), int(end)) for start, end in edges.reshape(-1, 2)], pause)
    return [
        (max(0, start - margin), min(len(samples), end + margin))
        for start, end in whole
        if end - start >= least
    ]


def silero_stretches(samples: np.ndarray, sample_rate: int) -> list[Stretch]:
    """Where the network of the package `silero-vad` hears speech, also among noise.

    Args:
        samples: (samples,), at any level.
        sample_rate: Hz; what is not 16 kHz is resampled for it.

    Raises:
        MissingPackageError: If the package is not installed.

    Source:
        Silero Team, "Silero VAD", 2024, https://github.com/snakers4/silero-vad.
    """
    find, model = _silero()
    # It takes speech that is far too soft for no speech.
    samples = samples / max(float(np.abs(samples).max()), np.finfo(np.float32).tiny)
    found = find(
        torch.from_numpy(resample(samples, sample_rate, _SILERO_HZ)),
        model,
        sampling_rate=_SILERO_HZ,
        min_speech_duration_ms=round(1000 * _LEAST_SECONDS),
        min_silence_duration_ms=round(1000 * _PAUSE_SECONDS),
        speech_pad_ms=round(1000 * _MARGIN_SECONDS),
    )
    scale = sample_rate / _SILERO_HZ
    return [
        (round(scale * stretch["start"]), min(len(samples), round(scale * stretch["end"])))
        for stretch in found
    ]


def find_vad(name: str) -> FindSpeech | None:
    """What finds speech, by name: `energy`, `silero`, or `none` for taking all of a recording.

    Raises:
        ConfigError: If nothing is called so.
        MissingPackageError: If it needs a package that is not installed.
    """
    if name == "none":
        return None
    if name == "silero":
        _silero()
        return silero_stretches
    if name != "energy":
        raise ConfigError(f"vad: expected energy, silero or none, got {name!r}")
    return energy_stretches


def speech_only(
    samples: np.ndarray, sample_rate: int, find_speech: FindSpeech, where: str
) -> np.ndarray:
    """The stretches of speech in (samples,), one after another.

    Args:
        samples: The recording.
        sample_rate: Hz.
        find_speech: See `find_vad`.
        where: What it is, for the message: a file or an argument.

    Raises:
        AudioError: If there are none.
    """
    stretches = find_speech(samples, sample_rate)
    if not stretches:
        raise AudioError(
            f"{where}: no speech was found in it. Give another recording, or turn the search for "
            "speech off (vad: none)"
        )
    return np.concatenate([samples[start:end] for start, end in stretches])


def _joined(stretches: Sequence[Stretch], pause: int) -> list[Stretch]:
    """The stretches, with those that are less than `pause` samples apart made one."""
    if not stretches:
        return []
    breaks = [
        number
        for number, (one, other) in enumerate(pairwise(stretches), start=1)
        if other[0] - one[1] >= pause
    ]
    firsts, ends = [0, *breaks], [*breaks, len(stretches)]
    return [
        (stretches[first][0], stretches[end - 1][1])
        for first, end in zip(firsts, ends, strict=True)
    ]


@lru_cache(maxsize=1)
def _silero() -> tuple[Callable[..., list[dict[str, int]]], Any]:
    """The function of the package that finds speech, and the network that it does so with."""
    try:
        with warnings.catch_warnings(), _threads_left_alone():
            warnings.simplefilter("ignore")  # it is loaded in a way that is going out of fashion
            import silero_vad

            return silero_vad.get_speech_timestamps, silero_vad.load_silero_vad()
    except ImportError as error:
        raise MissingPackageError(
            "vad: silero needs the package silero-vad, which is not installed. "
            "'pip install silero-vad', or choose energy"
        ) from error


@contextmanager
def _threads_left_alone() -> Iterator[None]:
    """Meanwhile nothing sets torch's number of threads, as importing silero-vad would, to 1.

    To set it back afterwards would not do: with some builds of MKL on some processors, once it has
    been set to more than 1, `torch.linalg.solve` gives wrong results (seen with torch 2.13).
    """
    set_num_threads = torch.set_num_threads
    setattr(torch, "set_num_threads", lambda number: None)  # noqa: B010  # as mypy would have it
    try:
        yield
    finally:
        setattr(torch, "set_num_threads", set_num_threads)  # noqa: B010
