"""How mixtures are made: the config section `data.train`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wesep_like.data.simulation.augmentation.options import (
    AugmentationOptions,
    EnrollmentAugmentationOptions,
    probability_of,
)
from wesep_like.data.simulation.voice_options import VoiceOptions
from wesep_like.errors import ConfigError


@dataclass(frozen=True)
class HardInterferers:
    """Interferers that sound like the target; the config section `data.train.hard_interferers`.

    Args:
        embeddings: What `wesep-like embed` wrote of at least one utterance of each speaker. A
            speaker is the mean of what there is of him.
        probability: How often an interferer is one of the speakers nearest to the target.
        nearest: How many speakers these are.
    """

    embeddings: str
    probability: float = 0.5
    nearest: int = 20

    def __post_init__(self) -> None:
        problems = []
        if not 0 <= self.probability <= 1:
            problems.append(f"probability: expected 0 to 1, got {self.probability!r}")
        if self.nearest < 1:
            problems.append(f"nearest: expected at least 1, got {self.nearest!r}")
        if problems:
            raise ConfigError(problems)


@dataclass(frozen=True)
class LoudnessOptions:
    """Levels as LibriMix has them; the config section `data.train.loudness`.

    Args:
        speech_range_lufs: Loudness of every voice in the mixture.
        noise_range_lufs: Loudness of the noise in the mixture.

    Source:
        Cosentino et al., "LibriMix", 2020, and its scripts. Deviation: a voice that would clip by
        itself is not turned down alone, only the whole example.
    """

    speech_range_lufs: tuple[float, float] = (-33.0, -25.0)
    noise_range_lufs: tuple[float, float] = (-38.0, -30.0)

    def __post_init__(self) -> None:
        wrong = {
            name: getattr(self, name)
            for name in ("speech_range_lufs", "noise_range_lufs")
            if not getattr(self, name)[0] <= getattr(self, name)[1] <= 0
        }
        if wrong:
            raise ConfigError(
                f"{name}: expected low <= high <= 0, got {list(value)}"
                for name, value in wrong.items()
            )


@dataclass(frozen=True, kw_only=True)
class MixingOptions(VoiceOptions):
    """How mixtures are made, wherever the voices are from.

    A target and its enrollment are played at one speed.

    Args:
        mixture_seconds: Length of every mixture; a shorter utterance is padded with zeros, at a
            random place. None: whole utterances, see `mode`.
        enrollment_seconds: Length of an enrollment, or the shortest and longest, cut at a random
            place; a shorter utterance is taken whole. None: whole utterances, or, from a speaker
            with one utterance, a fixed half of it; so there are finitely many enrollments, and what
            a frozen encoder makes of them can be kept.
        min_enrollment_seconds: Shorter utterances are no enrollments where their speaker has longer
            ones.
        num_interferers: How many competing speakers, or the lowest and highest number, or the
            probability of each number.
        sir_range_db: Power of the target over power of each interferer, in the mixture.
        speaker_sampling: "uniform" draws each speaker equally often, "by_utterance" each utterance,
            "by_duration" each second of speech.
        room_probability: How often a mixture is put into a room.
        target_kind: What the target is when there is a room: the direct path, with early
            reflections, or as heard.
        noise_probability: How often there is noise.
        snr_range_db: Power of the target over power of the noise, in the mixture.
        level_range_db: Level (RMS) of the mixture in dB re full scale; None leaves the target at
            its recorded level.
        augmentation: Effects on each voice, before rooms and levels; the target has them too.
        enrollment_augmentation: What is done to enrollments; drawn by itself.
        mode: Of whole utterances. "min": all begin together, and the mixture ends with the
            shortest. "max": it is as long as it takes to hear all of them to their ends. As in
            LibriMix.
        overlap_range: The share of a recording that target and interferer have in common, the
            shorter of the two being 1, drawn for each interferer, who begins before the target or
            ends after it. None: all begin together, or in a mixture of given length at random
            places.
        absent_probability: How often the enrolled speaker does not speak. Another speaker takes his
            place in the mixture, so that it has as many voices, and the target is silence.
        same_sex_probability: How often an interferer is drawn among the speakers of the target's
            sex, if there are others; else among all.
        hard_interferers: How often, and from what, speakers are chosen who sound like the target.
            This goes before their sex.
        loudness: Draws the loudness of each voice and of the noise by itself. `sir_range_db`,
            `snr_range_db` and `level_range_db` then have no say.
    """

    mixture_seconds: float | None = 3.0
    enrollment_seconds: float | tuple[float, float] | None = 4.0
    min_enrollment_seconds: float = 2.0
    num_interferers: int | tuple[int, int] | dict[int, float] = 1
    sir_range_db: tuple[float, float] = (-5.0, 5.0)
    speaker_sampling: Literal["uniform", "by_utterance", "by_duration"] = "uniform"
    room_probability: float = 0.0
    target_kind: Literal["dry", "early", "reverberant"] = "dry"
    noise_probability: float = 0.0
    snr_range_db: tuple[float, float] = (5.0, 20.0)
    level_range_db: tuple[float, float] | None = (-33.0, -23.0)
    augmentation: AugmentationOptions = AugmentationOptions()
    enrollment_augmentation: EnrollmentAugmentationOptions = EnrollmentAugmentationOptions()
    mode: Literal["min", "max"] = "min"
    overlap_range: tuple[float, float] | None = None
    absent_probability: float = 0.0
    same_sex_probability: float = 0.0
    hard_interferers: HardInterferers | None = None
    loudness: LoudnessOptions | None = None

    def __post_init__(self) -> None:
        problems = seconds_problems(self)
        for name in ("room", "noise", "absent", "same_sex"):
            value = getattr(self, f"{name}_probability")
            if not 0 <= value <= 1:
                problems.append(f"{name}_probability: expected 0 to 1, got {value!r}")
        ranges = ("sir_range_db", "snr_range_db", "level_range_db")
        for name in (*ranges, "enrollment_seconds"):
            value = getattr(self, name)
            if isinstance(value, tuple) and value[0] > value[1]:
                problems.append(f"{name}: expected low <= high, got {list(value)}")
        problems += _number_problems(self.num_interferers)
        problems += _timing_problems(self)
        if self.level_range_db is not None and self.level_range_db[1] > 0:
            problems.append(
                f"level_range_db: expected 0 dB (full scale) or less, "
                f"got {list(self.level_range_db)}"
            )
        problems += self.voice_problems(
            room_probability=self.room_probability,
            enrollment_augmentation__room__probability=probability_of(
                self.enrollment_augmentation.room
            ),
        )
        if problems:
            raise ConfigError(problems)

    @property
    def interferer_range(self) -> tuple[int, int]:
        """Lowest and highest number of interferers."""
        if isinstance(self.num_interferers, int):
            return (self.num_interferers, self.num_interferers)
        if isinstance(self.num_interferers, Mapping):
            return (min(self.num_interferers), max(self.num_interferers))
        return self.num_interferers

    @property
    def is_enrollment_recurring(self) -> bool:
        """Whether there are finitely many enrollments, so that each comes again."""
        return self.enrollment_seconds is None and not self.enrollment_augmentation.is_on

    @property
    def max_sources(self) -> int:
        """The highest number of voices in a mixture."""
        return 1 + self.interferer_range[1]

    @property
    def max_speakers(self) -> int:
        """The highest number of speakers that an example takes: one may be enrolled and absent."""
        return self.max_sources + (self.absent_probability > 0)


def _number_problems(num_interferers: int | tuple[int, int] | dict[int, float]) -> list[str]:
    """What is wrong with the number of interferers, a line each."""
    if isinstance(num_interferers, Mapping):
        if not all(type(number) is int and number >= 0 for number in num_interferers):
            return [
                "num_interferers: expected numbers of 0 or more, each with its probability, "
                f"got {dict(num_interferers)}"
            ]
        shares = num_interferers.values()
        if not all(type(share) in (int, float) and share >= 0 for share in shares) or not (
            math.isclose(sum(shares), 1, abs_tol=1e-6)
        ):
            return [
                "num_interferers: expected probabilities that add up to 1, "
                f"got {dict(num_interferers)}"
            ]
        return []
    low, high = (
        (num_interferers, num_interferers) if isinstance(num_interferers, int) else num_interferers
    )
    if low > high:
        return [f"num_interferers: expected low <= high, got {[low, high]}"]
    if low < 0:
        return [f"num_interferers: expected 0 or more, got {num_interferers!r}"]
    return []


def _timing_problems(options: MixingOptions) -> list[str]:
    """What is wrong with when voices are heard, a line each."""
    problems = []
    shares = options.overlap_range
    if shares is not None and not 0 <= shares[0] <= shares[1] <= 1:
        problems.append(f"overlap_range: expected 0 <= low <= high <= 1, got {list(shares)}")
    if options.mode == "max" and options.mixture_seconds is not None:
        problems.append(
            f"mode: 'max' is of whole utterances, but mixture_seconds is "
            f"{options.mixture_seconds!r}. Set that to null"
        )
    if shares is not None and options.mode == "min" and options.mixture_seconds is None:
        problems.append(
            "overlap_range: in mode 'min' all voices begin together. Set mode to 'max', or give "
            "mixture_seconds"
        )
    return problems


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
