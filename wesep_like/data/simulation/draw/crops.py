"""Which part of an utterance is heard, and where in the mixture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wesep_like.audio import to_samples
from wesep_like.data.manifest import Utterance
from wesep_like.data.simulation.draw.timing import Slot
from wesep_like.data.simulation.draw.voices import Voices
from wesep_like.data.simulation.options import MixingOptions
from wesep_like.data.simulation.plans import Clip
from wesep_like.errors import ManifestError


@dataclass(frozen=True)
class Stretch:
    """A part of an utterance from which a clip may be cut, in the file's own samples."""

    utterance: Utterance
    start: int
    num_samples: int


def whole(utterance: Utterance) -> Stretch:
    """All of an utterance."""
    return Stretch(utterance, 0, utterance.num_samples)


class Crops:
    """The choice of clips.

    Args:
        voices: Who speaks; gives other utterances of a speaker.
        options: How mixtures are made.
        sample_rate: Of the mixtures, in Hz.
    """

    def __init__(self, voices: Voices, options: MixingOptions, sample_rate: int) -> None:
        self.options = options
        self.sample_rate = sample_rate
        self._voices = voices

    def _file_samples(self, utterance: Utterance, speed: float) -> int:
        """How much of the utterance fills a mixture, in the file's own samples."""
        if self.options.mixture_seconds is None:
            return utterance.num_samples
        seconds = self.options.mixture_seconds
        return min(math.ceil(seconds * speed * utterance.sample_rate), utterance.num_samples)

    def draw_enrollment(
        self, rng: np.random.Generator, target: Utterance, speed: float, seconds: float | None
    ) -> tuple[Clip, Stretch]:
        """The enrollment, and the stretch that it leaves for the target: no sample is in both.

        Args:
            rng: Where it comes from.
            target: Whose speaker is enrolled.
            speed: At which both are played.
            seconds: Length of the enrollment; None for a whole utterance.
        """
        rate = target.sample_rate
        wanted = self._file_samples(target, speed)
        which, place = rng.random(2)
        # By path: one recording under two ids would otherwise enroll a speaker with the answer.
        others = [u for u in self._voices.of(target.speaker) if u.path != target.path]
        if others:
            shortest = self.options.min_enrollment_seconds
            return choose_enrollment(others, which, place, shortest, seconds, speed), whole(target)

        total, is_first = target.num_samples, which < 0.5
        if seconds is None:
            length, before = (total + 1) // 2, 0
        else:
            length = min(math.ceil(seconds * speed * rate), max(total - wanted, (total + 1) // 2))
            before = int(place * (max(total - length - wanted, 0) + 1))
        rest = total - before - length
        if rest <= 0:
            raise ManifestError(
                f"{target.id}: the only utterance of its speaker, and too short to share "
                f"({total} samples). Remove it from the manifest"
            )
        if is_first:
            return _clip(target, before, length), Stretch(target, before + length, rest)
        return _clip(target, rest, length), Stretch(target, 0, rest)

    def num_samples(self, stretches: Sequence[Stretch], speeds: Sequence[float]) -> int:
        """Length of the mixture."""
        if self.options.mixture_seconds is not None:
            return to_samples(self.options.mixture_seconds, self.sample_rate)
        of_lengths = min if self.options.mode == "min" else max
        return max(1, of_lengths(self.lengths(stretches, speeds)))

    def lengths(self, stretches: Sequence[Stretch], speeds: Sequence[float]) -> list[int]:
        """How long each stretch is, in the mixture's samples."""
        pairs = zip(stretches, speeds, strict=True)
        return [self._mixture_samples(s, s.num_samples, speed) for s, speed in pairs]

    def _mixture_samples(self, stretch: Stretch, num_samples: int, speed: float) -> int:
        """From the file's samples to the mixture's."""
        rate = stretch.utterance.sample_rate
        return math.floor(num_samples * self.sample_rate / (rate * speed))

    def draw_crop(
        self,
        rng: np.random.Generator,
        stretch: Stretch,
        speed: float,
        num_samples: int,
        slot: Slot | None = None,
    ) -> tuple[Clip, int]:
        """A clip of the stretch and its place in the mixture, which is the slot if there is one."""
        crop_place, offset_place = rng.random(2)
        rate = stretch.utterance.sample_rate
        wanted = num_samples if slot is None else slot.num_samples
        length = min(math.ceil(wanted * speed * rate / self.sample_rate), stretch.num_samples)
        if slot is None and self.options.mixture_seconds is None:
            return _clip(stretch.utterance, stretch.start, length), 0
        start = stretch.start + int(crop_place * (stretch.num_samples - length + 1))
        if slot is not None:
            return _clip(stretch.utterance, start, length), slot.offset
        free = max(num_samples - self._mixture_samples(stretch, length, speed), 0)
        return _clip(stretch.utterance, start, length), int(offset_place * (free + 1))


def choose_enrollment(
    others: Sequence[Utterance],
    which: float,
    place: float,
    shortest: float,
    seconds: float | None,
    speed: float = 1.0,
) -> Clip:
    """A clip of one of the utterances.

    Args:
        others: Of the target speaker, without what is the target.
        which: Drawn, from 0 to 1: which of them.
        place: Likewise: where in it.
        shortest: In seconds; shorter ones are taken only where all are.
        seconds: Length of the clip; None for a whole utterance.
        speed: At which it will be played.
    """
    others = [u for u in others if u.num_samples >= shortest * u.sample_rate] or others
    return crop(others[int(which * len(others))], place, seconds, speed)


def crop(utterance: Utterance, place: float, seconds: float | None, speed: float = 1.0) -> Clip:
    """A clip of an utterance, or all of one that is shorter.

    Args:
        utterance: Of which it is.
        place: Drawn, from 0 to 1: where in it.
        seconds: Length of the clip as it will be heard; None for all of the utterance.
        speed: At which it will be played.
    """
    length = utterance.num_samples
    if seconds is not None:
        length = min(math.ceil(seconds * speed * utterance.sample_rate), length)
    return _clip(utterance, int(place * (utterance.num_samples - length + 1)), length)


def _clip(utterance: Utterance, start: int, num_samples: int) -> Clip:
    return Clip(utterance.path, start, num_samples, utterance.sample_rate)
