"""The recordings of a speaker, as a caller hands them over, become a cue."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from wesep_like.audio.resample import resample
from wesep_like.audio.units import to_samples
from wesep_like.audio.vad import find_vad, speech_only
from wesep_like.errors import AudioError, ConfigError
from wesep_like.inference.signals import (
    MIN_SECONDS,
    check_long_enough,
    to_mono,
    warn_if_short,
)
from wesep_like.models.cue import SpeakerCue

Signal: TypeAlias = "np.ndarray | Tensor"
"""(samples,), floating point, in [-1, 1]."""

# A longer recording is heard in pieces of at most this length: memory stays bounded, and a voice is
# known long before.
PIECE_SECONDS = 60.0


class Listener:
    """A speaker module, or the whole of a model, with the handling of audio around it.

    Args:
        hear: Enrollments (1, samples) -> cue.
        sample_rate: The one it works at, in Hz.
        min_samples: The shortest enrollment that `hear` can take.
        device: Where it works.
        vad: How the speech in a recording is found, the rest being cut away: see `find_vad`.
        max_seconds: So much of a recording is heard, from its start or that of its speech; None for
            all of it.

    Raises:
        ConfigError: If there is no such `vad`, or `max_seconds` is less than it can take.
        MissingPackageError: If `vad` needs a package that is not installed.
    """

    def __init__(
        self,
        hear: Callable[[Tensor], SpeakerCue],
        sample_rate: int,
        min_samples: int,
        device: torch.device,
        *,
        vad: str,
        max_seconds: float | None,
    ) -> None:
        self._hear = hear
        self._sample_rate = sample_rate
        self._min_seconds = max(MIN_SECONDS, min_samples / sample_rate)
        self._device = device
        self._find_speech = find_vad(vad)
        self._max_seconds = max_seconds
        if max_seconds is not None and max_seconds < self._min_seconds:
            raise ConfigError(
                f"max_seconds: expected at least {self._min_seconds:g}, which the model needs, got "
                f"{max_seconds:g}"
            )

    def cue(
        self,
        enrollment: Signal | SpeakerCue | Sequence[Signal | SpeakerCue],
        sample_rate: int,
        *,
        where: str = "enrollment",
    ) -> SpeakerCue:
        """See `Embedder.cue`."""
        if not isinstance(enrollment, Sequence):
            return self.cue_of_one(enrollment, sample_rate, where)
        if not enrollment:
            raise AudioError(f"{where}: expected at least one recording, got an empty list")
        return SpeakerCue.mean(
            [
                self.cue_of_one(one, sample_rate, f"{where} {number}")
                for number, one in enumerate(enrollment, start=1)
            ]
        )

    @torch.no_grad()
    def cue_of_one(
        self, speech: Signal | SpeakerCue, sample_rate: int, where: str, *, warn: bool = True
    ) -> SpeakerCue:
        """The cue of one recording; of a cue, itself."""
        if isinstance(speech, SpeakerCue):
            return speech
        samples = to_mono(speech, sample_rate, where, self._min_seconds)
        if self._find_speech is not None:
            samples = speech_only(samples, sample_rate, self._find_speech, where)
            check_long_enough(samples, sample_rate, where, self._min_seconds)
        if self._max_seconds is not None:
            samples = samples[: to_samples(self._max_seconds, sample_rate)]
        if warn:
            warn_if_short(samples, sample_rate, where)
        samples = resample(samples, sample_rate, self._sample_rate)
        num_pieces = math.ceil(len(samples) / (PIECE_SECONDS * self._sample_rate))
        return SpeakerCue.mean(
            [
                self._hear(torch.from_numpy(piece)[None].to(self._device))
                for piece in np.array_split(samples, num_pieces)
            ]
        )
