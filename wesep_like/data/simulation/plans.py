"""Plans: the decided, not yet computed examples; everything random is in them.

A file of plans is a fixed set of mixtures (validation, test): JSON Lines, relative paths relative
to its folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from wesep_like.data.json_lines import read_json_lines, write_json_lines
from wesep_like.data.simulation.augmentation.plans import EffectsPlan, MasksPlan
from wesep_like.data.simulation.room_plans import SimulatedRoom

TARGET_KINDS = ("dry", "early", "reverberant")


@dataclass(frozen=True)
class Clip:
    """A stretch of a file.

    Args:
        start: First sample, in the file's own samples.
        num_samples: Length, in the file's own samples.
        sample_rate: The file's, in Hz.
        channel: Which channel; None means the mean of all.
    """

    path: str
    start: int
    num_samples: int
    sample_rate: int
    channel: int | None = None

    def __post_init__(self) -> None:
        if self.start < 0 or self.num_samples <= 0 or self.sample_rate <= 0:
            raise ValueError(
                f"clip: expected start >= 0, num_samples > 0 and sample_rate > 0, "
                f"got {self.start}, {self.num_samples} and {self.sample_rate}"
            )


@dataclass(frozen=True)
class SourcePlan:
    """One voice of a mixture.

    Args:
        speed: Playing speed; 1.1 is shorter and higher. Changes the clip before anything else.
        offset: Where the clip begins in the mixture, in the mixture's samples; zeros stand before
            and after it.
        sir_db: Interferers: power of the target over power of this source, both as they are in the
            mixture (after the room) and over all its samples. For the target: 0, without effect.
            Where the target is absent, the first interferer stands for it.
        response: The room's response from this source's place; None means no room, or a simulated
            one.
        direct_sample: Where in the response the direct path arrives, in the file's own samples;
            None means at its largest sample.
        effects: What is done to the voice before it is in a room. They belong to the voice: the
            target that is learnt has them too, for a model is to extract, and not to restore.
        loudness_lufs: As it is in the mixture (BS.1770), before the whole example is turned down
            if need be. None: its power counts, by `sir_db`. All sources have it or none.
    """

    speaker: str
    clip: Clip
    speed: float = 1.0
    offset: int = 0
    sir_db: float = 0.0
    response: Clip | None = None
    direct_sample: int | None = None
    effects: EffectsPlan | None = None
    loudness_lufs: float | None = None


@dataclass(frozen=True)
class EnrollmentPlan:
    """Other speech of the target speaker, at the target's speed, at its recorded level.

    Args:
        response: Of the room in which it was spoken; None means no room, or a simulated one.
        direct_sample: As that of a source.
        room: Where it was spoken, if that room is simulated; with one place.
        noise: What was heard beside it there; its SNR is over all samples of the enrollment.
        effects: Of the device that recorded all this.
        masks: What of its features is not heard in training.
        num_samples: Its length, to which the clip is repeated or cut; None: that of the clip.
    """

    clip: Clip
    speed: float = 1.0
    response: Clip | None = None
    direct_sample: int | None = None
    room: SimulatedRoom | None = None
    noise: NoisePlan | None = None
    effects: EffectsPlan | None = None
    masks: MasksPlan | None = None
    num_samples: int | None = None

    def __post_init__(self) -> None:
        if self.num_samples is not None and self.num_samples <= 0:
            raise ValueError(f"num_samples: expected more than 0, got {self.num_samples}")
        if self.room is not None and (self.response is not None or len(self.room.sources_m) != 1):
            raise ValueError(
                "enrollment.room: expected one place in it, and no response beside it, got "
                f"{len(self.room.sources_m)} and {self.response}"
            )

    @property
    def key(self) -> str:
        """The same for the same samples, so that what a frozen encoder says of them can be kept.

        Masks are no part of it: they change no samples.
        """
        clip = self.clip
        key = f"{clip.path}:{clip.start}:{clip.num_samples}:{clip.channel}:{self.speed:g}"
        changes: tuple[object, ...]
        changes = (self.response, self.direct_sample, self.room, self.noise, self.effects)
        changes += () if self.num_samples is None else (self.num_samples,)
        return f"{key}:{changes}" if any(change is not None for change in changes) else key


@dataclass(frozen=True)
class NoiseColor:
    """Noise that is no recording: power falls as frequency to `exponent`, samples are of `seed`."""

    exponent: float
    seed: int


@dataclass(frozen=True)
class NoisePlan:
    """Noise under a mixture: a recording or a colour.

    Args:
        clip: Repeated if it is shorter than the mixture.
        snr_db: Power of the target over power of the noise, both as they are in the mixture, over
            all its samples. Where the target is absent, the first interferer stands for it.
        color: Of noise that is no recording.
        loudness_lufs: As for a source; then `snr_db` has no effect.
        offset: Where in a clip that is repeated the mixture begins, in the mixture's samples.
    """

    clip: Clip | None = None
    snr_db: float = 0.0
    color: NoiseColor | None = None
    loudness_lufs: float | None = None
    offset: int = 0

    def __post_init__(self) -> None:
        if (self.clip is None) == (self.color is None):
            raise ValueError("noise: expected a clip or a color, and not both")


@dataclass(frozen=True)
class MixturePlan:
    """All that is needed to compute one example.

    Args:
        sample_rate: Of the mixture, in Hz.
        num_samples: Of the mixture.
        level_db: Level (RMS) of the mixture in dB re full scale; None leaves the target at its
            recorded level. Either way the whole example is turned down, if need be, so that the
            mixture does not clip.
        target_kind: What the target is when there is a room: "dry" (the direct path alone), "early"
            (and reflections up to 50 ms after it) or "reverberant" (all).
        mixture: A mixture on disk, with the target and the interferers in it, their files cut where
            it is. What of it is not the target is interference, as loud as it was recorded; files
            of interferers are named, and not read. None: the mixture is made of its sources.
        room: Where all of it is heard, if that room is simulated.
        has_target: Whether the target speaks. If not, its clip is not heard: the enrolled speaker
            is absent, and the right answer is silence.
    """

    id: str
    sample_rate: int
    num_samples: int
    target: SourcePlan
    interferers: tuple[SourcePlan, ...]
    enrollment: EnrollmentPlan
    noise: NoisePlan | None = None
    level_db: float | None = None
    target_kind: str = "dry"
    mixture: Clip | None = None
    room: SimulatedRoom | None = None
    has_target: bool = True

    def __post_init__(self) -> None:
        if self.num_samples <= 0 or self.sample_rate <= 0:
            raise ValueError(
                f"expected num_samples > 0 and sample_rate > 0, "
                f"got {self.num_samples} and {self.sample_rate}"
            )
        if self.target_kind not in TARGET_KINDS:
            raise ValueError(
                f"target_kind: expected one of {', '.join(TARGET_KINDS)}, got {self.target_kind!r}"
            )
        # Published sets of recorded mixtures have it in a few; they are taken as they are.
        if self.mixture is None and _overlap(self.target.clip, self.enrollment.clip):
            raise ValueError("enrollment: shares samples with the target. Take other speech")
        if self.room is not None:
            self._check_room(self.room)
        if not self.has_target and not self.interferers:
            raise ValueError("has_target: false, and there are no interferers. Nobody would speak")
        if len({source.loudness_lufs is None for source in self.sources}) > 1:
            raise ValueError("loudness_lufs: some sources have it. Give it to all or none")
        if self.mixture is not None:
            self._check_recorded(self.mixture)

    def _check_room(self, room: SimulatedRoom) -> None:
        if len(room.sources_m) != len(self.sources):
            raise ValueError(
                f"room.sources_m: expected {len(self.sources)} places, one a voice, "
                f"got {len(room.sources_m)}"
            )
        if any(source.response is not None for source in self.sources):
            raise ValueError("room: simulated, but a voice has a response too. Give one of both")

    def _check_recorded(self, mixture: Clip) -> None:
        """Goes on only if the sources are cut where the mixture is, and are left as they are."""
        for source in self.sources:
            if replace(source.clip, path=mixture.path) != mixture:
                raise ValueError(
                    f"mixture: is cut elsewhere than {source.clip.path}. Expected one stretch"
                )
            if source != SourcePlan(source.speaker, source.clip):
                raise ValueError(
                    "mixture: is recorded. Expected sources without speed, offset, SIR or response"
                )
        if self.room is not None:
            raise ValueError("mixture: is recorded, in its room. Expected no other")
        if self.noise is not None:
            raise ValueError("mixture: is recorded, with its noise. Expected no other")

    @property
    def sources(self) -> tuple[SourcePlan, ...]:
        """The target, then the interferers."""
        return (self.target, *self.interferers)

    @property
    def reference(self) -> int:
        """The place among the sources of the voice that levels are relative to."""
        return 0 if self.has_target else 1


def read_plans(path: str | Path) -> list[MixturePlan]:
    """Read a fixed set of mixtures, with paths as the process can open them.

    Raises:
        ManifestError: If the file is missing or empty, or lines are wrong; tells up to ten of them,
            then a count.
    """
    folder = Path(path).parent
    plans = read_json_lines(path, MixturePlan)
    return [with_paths(plan, lambda clip_path: str(folder / clip_path)) for plan in plans]


def write_plans(path: str | Path, plans: Iterable[MixturePlan]) -> None:
    """Write a fixed set of mixtures whole or not at all; paths are written as they are.

    Raises:
        OutputError: If the file cannot be written there.
    """
    write_json_lines(path, plans)


def _overlap(first: Clip, second: Clip) -> bool:
    starts_before = first.start < second.start + second.num_samples
    ends_after = second.start < first.start + first.num_samples
    return first.path == second.path and starts_before and ends_after


def with_paths(plan: MixturePlan, path_of: Callable[[str], str]) -> MixturePlan:
    """The plan with each path replaced by what `path_of` says of it."""

    def clip_at(clip: Clip) -> Clip:
        return replace(clip, path=path_of(clip.path))

    def source_at(source: SourcePlan) -> SourcePlan:
        response = clip_at(source.response) if source.response else None
        return replace(source, clip=clip_at(source.clip), response=response)

    def noise_at(noise: NoisePlan | None) -> NoisePlan | None:
        return replace(noise, clip=clip_at(noise.clip)) if noise and noise.clip else noise

    def enrollment_at(enrollment: EnrollmentPlan) -> EnrollmentPlan:
        response = clip_at(enrollment.response) if enrollment.response else None
        noise = noise_at(enrollment.noise)
        return replace(enrollment, clip=clip_at(enrollment.clip), response=response, noise=noise)

    return replace(
        plan,
        target=source_at(plan.target),
        interferers=tuple(source_at(source) for source in plan.interferers),
        enrollment=enrollment_at(plan.enrollment),
        noise=noise_at(plan.noise),
        mixture=clip_at(plan.mixture) if plan.mixture else None,
    )
