"""How mixtures are made: the config section `data.train`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from wesep_like.data.simulation.augmentation.options import (
    AugmentationOptions,
    EnrollmentAugmentationOptions,
    probability_of,
)
from wesep_like.data.simulation.room_options import SimulatedRoomOptions
from wesep_like.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class MixingOptions:
    """How mixtures are made, wherever the voices are from.

    Args:
        noise: A manifest of noises; needed if noise_probability, or that of enrollments, is above
            0.
        rooms: A manifest of room responses; it or simulated_rooms is needed if room_probability, or
            that of enrollments, is above 0.
        mixture_seconds: Length of every mixture; a shorter utterance is padded with zeros, at a
            random place. None: as long as the shortest of its utterances, from their beginnings
            (LibriMix's "min").
        enrollment_seconds: Length of an enrollment, or the shortest and longest, cut at a random
            place; a shorter utterance is taken whole. None: whole utterances, or, from a speaker
            with one utterance, a fixed half of it; so there are finitely many enrollments, and what
            a frozen encoder makes of them can be kept.
        min_enrollment_seconds: Shorter utterances are no enrollments where their speaker has longer
            ones.
        num_interferers: How many competing speakers, or the lowest and highest number.
        sir_range_db: Power of the target over power of each interferer, in the mixture.
        speaker_sampling: "uniform" draws each speaker equally often, "by_utterance" each utterance,
            "by_duration" each second of speech.
        speed_probability: How often a source is played at one of `speeds`; a target and its
            enrollment at the same one.
        room_probability: How often a mixture is put into a room.
        simulated_rooms: Rooms that are computed.
        target_kind: What the target is when there is a room: the direct path, with early
            reflections, or as heard.
        noise_probability: How often there is noise.
        snr_range_db: Power of the target over power of the noise, in the mixture.
        level_range_db: Level (RMS) of the mixture in dB re full scale; None leaves the target at
            its recorded level.
        augmentation: Effects on each voice, before rooms and levels; the target has them too.
        enrollment_augmentation: What is done to enrollments; drawn by itself.
    """

    noise: str | None = None
    rooms: str | None = None
    mixture_seconds: float | None = 3.0
    enrollment_seconds: float | tuple[float, float] | None = 4.0
    min_enrollment_seconds: float = 2.0
    num_interferers: int | tuple[int, int] = 1
    sir_range_db: tuple[float, float] = (-5.0, 5.0)
    speaker_sampling: Literal["uniform", "by_utterance", "by_duration"] = "uniform"
    speed_probability: float = 0.0
    speeds: tuple[float, ...] = (0.9, 1.1)
    room_probability: float = 0.0
    simulated_rooms: SimulatedRoomOptions | None = None
    target_kind: Literal["dry", "early", "reverberant"] = "dry"
    noise_probability: float = 0.0
    snr_range_db: tuple[float, float] = (5.0, 20.0)
    level_range_db: tuple[float, float] | None = (-33.0, -23.0)
    augmentation: AugmentationOptions = AugmentationOptions()
    enrollment_augmentation: EnrollmentAugmentationOptions = EnrollmentAugmentationOptions()

    def __post_init__(self) -> None:
        problems = seconds_problems(self)
        for name in ("speed_probability", "room_probability", "noise_probability"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                problems.append(f"{name}: expected 0 to 1, got {value!r}")
        ranges = ("sir_range_db", "snr_range_db", "level_range_db", "interferer_range")
        for name in (*ranges, "enrollment_seconds"):
            value = getattr(self, name)
            if isinstance(value, tuple) and value[0] > value[1]:
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
        enrollments = self.enrollment_augmentation
        for name, probability in (
            ("noise_probability", self.noise_probability),
            ("enrollment_augmentation.noise.probability", probability_of(enrollments.noise)),
        ):
            if self.noise_source is None and probability > 0:
                problems.append(
                    f"noise: missing, but {name} is {probability!r}. Give a manifest or set it to 0"
                )
        for name, probability in (
            ("room_probability", self.room_probability),
            ("enrollment_augmentation.room.probability", probability_of(enrollments.room)),
        ):
            if self.rooms is None and self.simulated_rooms is None and probability > 0:
                problems.append(
                    f"rooms: missing, but {name} is {probability!r}. Give a manifest, or "
                    "simulated_rooms, or set it to 0"
                )
        if problems:
            raise ConfigError(problems)

    @property
    def source(self) -> str:
        """Where the voices are from, for messages."""
        raise NotImplementedError

    @property
    def noise_source(self) -> str | None:
        """Where the noises are from, for messages."""
        return self.noise

    @property
    def interferer_range(self) -> tuple[int, int]:
        """Lowest and highest number of interferers."""
        if isinstance(self.num_interferers, int):
            return (self.num_interferers, self.num_interferers)
        return self.num_interferers

    @property
    def is_enrollment_recurring(self) -> bool:
        """Whether there are finitely many enrollments, so that each comes again."""
        return self.enrollment_seconds is None and not self.enrollment_augmentation.is_on

    @property
    def max_sources(self) -> int:
        """The highest number of voices in a mixture."""
        return 1 + self.interferer_range[1]


@dataclass(frozen=True)
class SimulationOptions(MixingOptions):
    """How mixtures are made of the utterances in a manifest.

    Args:
        utterances: The manifest.
        name: Replaces a section of another name in a config, instead of going into it.
    """

    utterances: str
    name: Literal["simulated"] = "simulated"

    @property
    def source(self) -> str:
        """The manifest."""
        return self.utterances


def seconds_problems(options: Any) -> list[str]:
    """What is wrong with the lengths of mixtures and enrollments, a line each."""
    problems = []
    for name in ("mixture_seconds", "enrollment_seconds"):
        value = getattr(options, name)
        shortest = value[0] if isinstance(value, tuple) else value
        if shortest is not None and shortest <= 0:
            given = list(value) if isinstance(value, tuple) else value
            problems.append(f"{name}: expected more than 0 seconds, got {given!r}")
    if options.min_enrollment_seconds < 0:
        problems.append(
            f"min_enrollment_seconds: expected 0 seconds or more, "
            f"got {options.min_enrollment_seconds!r}"
        )
    return problems
