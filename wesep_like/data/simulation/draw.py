"""Decide what is mixed with what; the only place where examples draw random numbers.

Touches no audio. Each stage draws from its own child generator, so switching one stage off leaves
what the others draw as it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from wesep_like.audio import to_samples
from wesep_like.data.manifest import Noise, Room, Utterance, read_manifest
from wesep_like.data.simulation.plans import (
    Clip,
    EnrollmentPlan,
    MixturePlan,
    NoisePlan,
    SourcePlan,
)
from wesep_like.errors import ConfigError, ManifestError


@dataclass(frozen=True)
class SimulationOptions:
    """How mixtures are made; the config section `data.train`.

    Args:
        utterances: A manifest of utterances.
        noise: A manifest of noises; needed if noise_probability is above 0.
        rooms: A manifest of room responses; needed if room_probability is above 0.
        mixture_seconds: Length of every mixture; a shorter utterance is padded with zeros, at a
            random place. None: as long as the shortest of its utterances, from their beginnings
            (LibriMix's "min").
        enrollment_seconds: Length of an enrollment, cut at a random place; a shorter utterance is
            taken whole. None: whole utterances, or, from a speaker with one utterance, a fixed half
            of it; so there are finitely many enrollments, and what a frozen encoder makes of them
            can be kept.
        min_enrollment_seconds: Shorter utterances are no enrollments where their speaker has longer
            ones.
        num_interferers: How many competing speakers, or the lowest and highest number.
        sir_range_db: Power of the target over power of each interferer, in the mixture.
        speaker_sampling: "uniform" draws each speaker equally often, "by_utterance" each utterance,
            "by_duration" each second of speech.
        speed_probability: How often a source is played at one of `speeds`; a target and its
            enrollment at the same one.
        room_probability: How often a mixture is put into a room.
        target_kind: What the target is when there is a room: the direct path, with early
            reflections, or as heard.
        noise_probability: How often there is noise.
        snr_range_db: Power of the target over power of the noise, in the mixture.
        level_range_db: Level (RMS) of the mixture in dB re full scale; None leaves the target at
            its recorded level.
    """

    utterances: str
    noise: str | None = None
    rooms: str | None = None
    mixture_seconds: float | None = 3.0
    enrollment_seconds: float | None = 4.0
    min_enrollment_seconds: float = 2.0
    num_interferers: int | tuple[int, int] = 1
    sir_range_db: tuple[float, float] = (-5.0, 5.0)
    speaker_sampling: Literal["uniform", "by_utterance", "by_duration"] = "uniform"
    speed_probability: float = 0.0
    speeds: tuple[float, ...] = (0.9, 1.1)
    room_probability: float = 0.0
    target_kind: Literal["dry", "early", "reverberant"] = "dry"
    noise_probability: float = 0.0
    snr_range_db: tuple[float, float] = (5.0, 20.0)
    level_range_db: tuple[float, float] | None = (-33.0, -23.0)

    def __post_init__(self) -> None:
        problems = []
        for name in ("mixture_seconds", "enrollment_seconds"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                problems.append(f"{name}: expected more than 0 seconds, got {value!r}")
        if self.min_enrollment_seconds < 0:
            problems.append(
                f"min_enrollment_seconds: expected 0 seconds or more, "
                f"got {self.min_enrollment_seconds!r}"
            )
        for name in ("speed_probability", "room_probability", "noise_probability"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                problems.append(f"{name}: expected 0 to 1, got {value!r}")
        for name in ("sir_range_db", "snr_range_db", "level_range_db", "interferer_range"):
            value = getattr(self, name)
            if value is not None and value[0] > value[1]:
                key = "num_interferers" if name == "interferer_range" else name
                problems.append(f"{key}: expected low <= high, got {list(value)}")
        if self.interferer_range[0] < 0:
            problems.append(f"num_interferers: expected 0 or more, got {self.num_interferers!r}")
        if self.level_range_db is not None and self.level_range_db[1] > 0:
            problems.append(
                f"level_range_db: expected 0 dB (full scale) or less, "
                f"got {list(self.level_range_db)}"
            )
        if self.speed_probability > 0 and not self.speeds:
            problems.append(
                "speeds: none given, but speed_probability is above 0. Give at least one"
            )
        # The resampler takes ratios of whole numbers; hundredths are finer than anyone hears.
        if any(not 0.5 <= speed <= 2 or round(speed, 2) != speed for speed in self.speeds):
            problems.append(f"speeds: expected 0.5 to 2 in steps of 0.01, got {list(self.speeds)}")
        for name, probability in (("noise", "noise_probability"), ("rooms", "room_probability")):
            if getattr(self, name) is None and getattr(self, probability) > 0:
                problems.append(
                    f"{name}: missing, but {probability} is {getattr(self, probability)!r}. "
                    f"Give a manifest or set {probability} to 0"
                )
        if problems:
            raise ConfigError(problems)

    @property
    def interferer_range(self) -> tuple[int, int]:
        """Lowest and highest number of interferers."""
        if isinstance(self.num_interferers, int):
            return (self.num_interferers, self.num_interferers)
        return self.num_interferers


@dataclass(frozen=True)
class _Stretch:
    """A part of an utterance from which a clip may be cut, in the file's own samples."""

    utterance: Utterance
    start: int
    num_samples: int


class MixturePlanner:
    """Draws plans for mixtures of the given utterances.

    Args:
        utterances: Of at least one more speaker than there are interferers.
        noises: Used if options.noise_probability is above 0.
        rooms: Used if options.room_probability is above 0.
        options: How mixtures are made.
        sample_rate: Of the mixtures, in Hz.

    Raises:
        ManifestError: If there are too few speakers, or too few responses of a room.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        noises: Sequence[Noise],
        rooms: Sequence[Room],
        options: SimulationOptions,
        sample_rate: int,
    ) -> None:
        self.options = options
        self.sample_rate = sample_rate
        self._utterances: dict[str, list[Utterance]] = {}
        for utterance in sorted(utterances, key=lambda utterance: utterance.id):
            self._utterances.setdefault(utterance.speaker, []).append(utterance)
        self.speakers = sorted(self._utterances)
        self._weights = np.array([self._weight(speaker) for speaker in self.speakers])
        self._noises = sorted(noises, key=lambda noise: noise.id)
        self._rooms: dict[str, list[Room]] = {}
        for room in sorted(rooms, key=lambda room: room.id):
            self._rooms.setdefault(room.room, []).append(room)
        self._check()

    def _weight(self, speaker: str) -> float:
        """How often a speaker is drawn, relative to others."""
        utterances = self._utterances[speaker]
        return {
            "uniform": 1.0,
            "by_utterance": len(utterances),
            "by_duration": sum(u.num_samples / u.sample_rate for u in utterances),
        }[self.options.speaker_sampling]

    def _check(self) -> None:
        options, num_sources = self.options, 1 + self.options.interferer_range[1]
        if len(self.speakers) < num_sources:
            raise ManifestError(
                f"{options.utterances}: {len(self.speakers)} speakers, but a mixture needs "
                f"{num_sources}. Add speakers or lower num_interferers"
            )
        if options.noise_probability > 0 and not self._noises:
            raise ManifestError(f"{options.noise}: no noises, but noise_probability is above 0")
        if options.room_probability > 0:
            if not self._rooms:
                raise ManifestError(f"{options.rooms}: no rooms, but room_probability is above 0")
            for name, responses in self._rooms.items():
                if len(responses) < num_sources:
                    raise ManifestError(
                        f"{options.rooms}: room {name!r} has {len(responses)} responses, but a "
                        f"mixture needs {num_sources}. Add responses or lower num_interferers"
                    )

    @classmethod
    def from_manifests(cls, options: SimulationOptions, sample_rate: int) -> MixturePlanner:
        """A planner for the manifests that the options name.

        Raises:
            ManifestError: If a manifest is wrong, or has too little in it.
        """
        return cls(
            read_manifest(options.utterances, Utterance),
            read_manifest(options.noise, Noise) if options.noise else [],
            read_manifest(options.rooms, Room) if options.rooms else [],
            options,
            sample_rate,
        )

    def draw(
        self,
        rng: np.random.Generator,
        *,
        mixture_id: str = "",
        target: Utterance | None = None,
    ) -> MixturePlan:
        """Decide one mixture.

        Args:
            rng: Where all of it comes from; it must be able to spawn (`np.random.default_rng` is).
            mixture_id: Becomes the plan's id.
            target: Makes this utterance the target, for sets in which each utterance is one once.
        """
        options = self.options
        # In this order for ever: a new stage takes a new generator at the end.
        voices, crops, enrollment_rng, levels, speed_rng, room_rng, noise_rng = rng.spawn(7)

        utterances = self._draw_voices(voices, target)
        speeds = [self._draw_speed(speed_rng) for _ in utterances]
        wanted = [self._file_samples(u, speed) for u, speed in zip(utterances, speeds, strict=True)]
        enrollment, stretch = self._draw_enrollment(
            enrollment_rng, utterances[0], wanted[0], speeds[0]
        )
        stretches = [stretch, *(_Stretch(u, 0, u.num_samples) for u in utterances[1:])]
        num_samples = self._num_samples(stretches, speeds)
        responses = self._draw_responses(room_rng, len(stretches))

        sources = []
        for number, (stretch, speed) in enumerate(zip(stretches, speeds, strict=True)):
            clip, offset = self._draw_crop(crops, stretch, speed, num_samples)
            sir_db = float(levels.uniform(*options.sir_range_db)) if number > 0 else 0.0
            speaker = stretch.utterance.speaker
            sources.append(SourcePlan(speaker, clip, speed, offset, sir_db, responses[number]))
        level_db = None
        if options.level_range_db is not None:
            # Its own child: the number of interferers must not move it.
            level_db = float(levels.spawn(1)[0].uniform(*options.level_range_db))
        return MixturePlan(
            id=mixture_id,
            sample_rate=self.sample_rate,
            num_samples=num_samples,
            target=sources[0],
            interferers=tuple(sources[1:]),
            enrollment=EnrollmentPlan(enrollment, speeds[0]),
            noise=self._draw_noise(noise_rng, num_samples),
            level_db=level_db,
            target_kind=options.target_kind,
        )

    def _draw_voices(self, rng: np.random.Generator, target: Utterance | None) -> list[Utterance]:
        """One utterance a source, each of another speaker; the target's first."""
        low, high = self.options.interferer_range
        num_interferers = int(rng.integers(low, high + 1))
        weights = self._weights.copy()
        voices = []
        for number in range(1 + num_interferers):
            index = int(rng.choice(len(weights), p=weights / weights.sum()))
            place = rng.random()
            if number == 0 and target is not None:
                index = self.speakers.index(target.speaker)
                voices.append(target)
            else:
                of_speaker = self._utterances[self.speakers[index]]
                voices.append(of_speaker[int(place * len(of_speaker))])
            weights[index] = 0
        return voices

    def _draw_speed(self, rng: np.random.Generator) -> float:
        is_changed, place = rng.random() < self.options.speed_probability, rng.random()
        return self.options.speeds[int(place * len(self.options.speeds))] if is_changed else 1.0

    def _file_samples(self, utterance: Utterance, speed: float) -> int:
        """How much of the utterance fills a mixture, in the file's own samples."""
        if self.options.mixture_seconds is None:
            return utterance.num_samples
        seconds = self.options.mixture_seconds
        return min(math.ceil(seconds * speed * utterance.sample_rate), utterance.num_samples)

    def _draw_enrollment(
        self, rng: np.random.Generator, target: Utterance, wanted: int, speed: float
    ) -> tuple[Clip, _Stretch]:
        """The enrollment, and the stretch that it leaves for the target: no sample is in both."""
        seconds, rate = self.options.enrollment_seconds, target.sample_rate
        which, place = rng.random(2)
        # By path: one recording under two ids would otherwise enroll a speaker with the answer.
        others = [u for u in self._utterances[target.speaker] if u.path != target.path]
        if others:
            shortest = self.options.min_enrollment_seconds
            others = [u for u in others if u.num_samples >= shortest * u.sample_rate] or others
            chosen = others[int(which * len(others))]
            length = chosen.num_samples
            if seconds is not None:
                length = min(math.ceil(seconds * speed * chosen.sample_rate), length)
            start = int(place * (chosen.num_samples - length + 1))
            return _clip(chosen, start, length), _Stretch(target, 0, target.num_samples)

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
            return _clip(target, before, length), _Stretch(target, before + length, rest)
        return _clip(target, rest, length), _Stretch(target, 0, rest)

    def _num_samples(self, stretches: Sequence[_Stretch], speeds: Sequence[float]) -> int:
        if self.options.mixture_seconds is not None:
            return to_samples(self.options.mixture_seconds, self.sample_rate)
        lengths = zip(stretches, speeds, strict=True)
        return max(1, min(self._mixture_samples(s, s.num_samples, speed) for s, speed in lengths))

    def _mixture_samples(self, stretch: _Stretch, num_samples: int, speed: float) -> int:
        """From the file's samples to the mixture's."""
        rate = stretch.utterance.sample_rate
        return math.floor(num_samples * self.sample_rate / (rate * speed))

    def _draw_crop(
        self, rng: np.random.Generator, stretch: _Stretch, speed: float, num_samples: int
    ) -> tuple[Clip, int]:
        """A clip of the stretch and its place in the mixture."""
        crop_place, offset_place = rng.random(2)
        rate = stretch.utterance.sample_rate
        length = min(math.ceil(num_samples * speed * rate / self.sample_rate), stretch.num_samples)
        if self.options.mixture_seconds is None:
            return _clip(stretch.utterance, stretch.start, length), 0
        start = stretch.start + int(crop_place * (stretch.num_samples - length + 1))
        free = max(num_samples - self._mixture_samples(stretch, length, speed), 0)
        return _clip(stretch.utterance, start, length), int(offset_place * (free + 1))

    def _draw_responses(self, rng: np.random.Generator, num_sources: int) -> list[Clip | None]:
        """One response a source: all of one room and one microphone, each from another place."""
        is_used, room_place, channel_place = rng.random(3)
        if is_used >= self.options.room_probability:
            return [None] * num_sources
        rooms = list(self._rooms.values())
        responses = rooms[int(room_place * len(rooms))]
        chosen = [responses[i] for i in rng.permutation(len(responses))[:num_sources]]
        channel = int(channel_place * min(response.num_channels for response in chosen))
        return [
            Clip(response.path, 0, response.num_samples, response.sample_rate, channel)
            for response in chosen
        ]

    def _draw_noise(self, rng: np.random.Generator, num_samples: int) -> NoisePlan | None:
        is_used, which, place = rng.random(3)
        snr_db = float(rng.uniform(*self.options.snr_range_db))
        if is_used >= self.options.noise_probability:
            return None
        noise = self._noises[int(which * len(self._noises))]
        length = math.ceil(num_samples * noise.sample_rate / self.sample_rate)
        length = min(length, noise.num_samples)
        start = int(place * (noise.num_samples - length + 1))
        return NoisePlan(Clip(noise.path, start, length, noise.sample_rate), snr_db)


def _clip(utterance: Utterance, start: int, num_samples: int) -> Clip:
    return Clip(utterance.path, start, num_samples, utterance.sample_rate)
