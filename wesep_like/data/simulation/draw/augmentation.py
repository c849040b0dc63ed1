"""What is done to voices and enrollments, and how long enrollments are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from wesep_like.audio.resample import resampled_length
from wesep_like.data.manifest import Noise, Room
from wesep_like.data.simulation.augmentation.options import (
    AugmentationOptions,
    BandLimitOptions,
    ClippingOptions,
    CodecOptions,
    EnrollmentAugmentationOptions,
    EqualizerOptions,
    GainOptions,
    SpecAugmentOptions,
    probability_of,
)
from wesep_like.data.simulation.augmentation.plans import (
    BandPlan,
    EffectsPlan,
    EqualizerPlan,
    GainPlan,
    MaskPlan,
    MasksPlan,
    PeakPlan,
)
from wesep_like.data.simulation.draw.noises import Noises
from wesep_like.data.simulation.draw.rooms import Rooms
from wesep_like.data.simulation.options import MixingOptions
from wesep_like.data.simulation.plans import EnrollmentPlan
from wesep_like.data.simulation.voice_options import VoiceOptions
from wesep_like.errors import ManifestError

_LOWEST_PEAK_HZ = 100.0
_HIGHEST_PEAK = 0.9  # of the highest frequency that there is


class EnrollmentAugmentation:
    """The choice of rooms, noise, effects and masks for enrollments, or any voices alone.

    Args:
        noises: Used if a noise may be drawn.
        rooms: Used if a room may be drawn.
        options: What noises and rooms there are.
        augmentation: What is done, and how often.
        sample_rate: Of what is heard, in Hz.
        where: Name of the section that says what is done, for messages.

    Raises:
        ManifestError: If there are none.
    """

    def __init__(
        self,
        noises: Sequence[Noise],
        rooms: Sequence[Room],
        options: VoiceOptions,
        augmentation: EnrollmentAugmentationOptions,
        sample_rate: int,
        *,
        where: str = "enrollment_augmentation",
    ) -> None:
        self.options = augmentation
        self.sample_rate = sample_rate
        noise, room = self.options.noise, self.options.room
        for name, section, found in (("noise", noise, noises), ("room", room, rooms)):
            manifest = options.noise_source if name == "noise" else options.rooms
            if probability_of(section) > 0 and manifest is not None and not found:
                raise ManifestError(
                    f"{manifest}: nothing in it, but {where}.{name}.probability is above 0"
                )
        self._rooms = Rooms(
            rooms, options, sample_rate, probability=probability_of(room), max_sources=1
        )
        self._noises = Noises(
            noises,
            options,
            sample_rate,
            probability=probability_of(noise),
            snr_range_db=(0.0, 0.0) if noise is None else noise.snr_range_db,
            snr_ranges_db=None if noise is None else noise.snr_ranges_db,
        )

    def draw(self, rng: np.random.Generator, plan: EnrollmentPlan) -> EnrollmentPlan:
        """The same speech, with what is done to it."""
        if not self.options.is_on:
            return plan
        # In this order for ever: a new stage takes a new generator at the end.
        room_rng, noise_rng, effects_rng, masks_rng, simulation_rng = rng.spawn(5)
        heard_in = self._rooms.draw(room_rng, simulation_rng, 1)
        clip, num_samples = plan.clip, plan.num_samples
        if num_samples is None:
            num_samples = resampled_length(clip.num_samples, clip.sample_rate, self.sample_rate)
            num_samples = resampled_length(num_samples, round(100 * plan.speed), 100)
        (effects,) = draw_effects(effects_rng, self.options, self.sample_rate, 1)
        return replace(
            plan,
            response=heard_in.responses[0],
            direct_sample=heard_in.direct_samples[0],
            room=heard_in.room,
            noise=self._noises.draw(noise_rng, num_samples),
            effects=effects,
            masks=_draw_masks(masks_rng, self.options.spec_augment),
        )


def draw_effects(
    rng: np.random.Generator, options: AugmentationOptions, sample_rate: int, num_voices: int
) -> list[EffectsPlan | None]:
    """Effects for each voice, by itself; None where there are none.

    Each kind has a generator of its own, and each voice draws as many numbers from it, so that
    neither another kind's options nor the number of voices moves anything.
    """
    if not options.is_on:
        return [None] * num_voices
    # In this order for ever: a new effect takes a new generator at the end.
    equalizers, band_limits, gains, clippings, codecs = rng.spawn(5)
    plans = [
        EffectsPlan(
            equalizer=_draw_equalizer(equalizers, options.equalizer, sample_rate),
            band_limit=_draw_band(band_limits, options.band_limit),
            gain=_draw_gain(gains, options.gain),
            clipped_share=_draw_clipping(clippings, options.clipping),
            codec=_draw_codec(codecs, options.codec),
        )
        for _ in range(num_voices)
    ]
    return [None if plan == EffectsPlan() else plan for plan in plans]


def draw_enrollment_seconds(rng: np.random.Generator, options: MixingOptions) -> float | None:
    """Length of the enrollment; None for whole utterances."""
    seconds = options.enrollment_seconds
    return float(rng.uniform(*seconds)) if isinstance(seconds, tuple) else seconds


def _draw_equalizer(
    rng: np.random.Generator, options: EqualizerOptions | None, sample_rate: int
) -> EqualizerPlan | None:
    if options is None:
        return None
    low, high = options.band_range
    is_used, tilt, number = rng.random(3)
    places = rng.random((high, 3))
    if is_used >= options.probability:
        return None
    highest_hz = max(_LOWEST_PEAK_HZ, _HIGHEST_PEAK * sample_rate / 2)
    peaks = [
        PeakPlan(
            hz=_LOWEST_PEAK_HZ * (highest_hz / _LOWEST_PEAK_HZ) ** float(place),
            gain_db=_within(options.gain_range_db, gain),
            width_octaves=_within(options.width_range_octaves, width),
        )
        for place, gain, width in places[: low + int(number * (high - low + 1))]
    ]
    return EqualizerPlan(_within(options.tilt_range_db, tilt), tuple(peaks))


def _draw_band(rng: np.random.Generator, options: BandLimitOptions | None) -> BandPlan | None:
    if options is None:
        return None
    is_used, which = rng.random(2)
    if is_used >= options.probability:
        return None
    return BandPlan(*options.bands_hz[int(which * len(options.bands_hz))])


def _draw_gain(rng: np.random.Generator, options: GainOptions | None) -> GainPlan | None:
    if options is None:
        return None
    is_used, depth, period, phase = rng.random(4)
    if is_used >= options.probability:
        return None
    return GainPlan(
        _within(options.depth_range_db, depth),
        _within(options.period_range_seconds, period),
        float(phase),
    )


def _draw_clipping(rng: np.random.Generator, options: ClippingOptions | None) -> float | None:
    if options is None:
        return None
    is_used, share = rng.random(2)
    return _within(options.share_range, share) if is_used < options.probability else None


def _draw_codec(rng: np.random.Generator, options: CodecOptions | None) -> str | None:
    if options is None:
        return None
    is_used, which = rng.random(2)
    if is_used >= options.probability:
        return None
    return options.names[int(which * len(options.names))]


def _draw_masks(rng: np.random.Generator, options: SpecAugmentOptions | None) -> MasksPlan | None:
    if options is None:
        return None
    is_used = rng.random() < options.probability
    time_rng, frequency_rng = rng.spawn(2)
    if not is_used:
        return None
    return MasksPlan(
        _draw_spans(time_rng, options.num_time_masks, options.max_time_share),
        _draw_spans(frequency_rng, options.num_frequency_masks, options.max_frequency_share),
    )


def _draw_spans(rng: np.random.Generator, number: int, widest: float) -> tuple[MaskPlan, ...]:
    masks = []
    for width, place in rng.random((number, 2)):
        width = float(width * widest)
        masks.append(MaskPlan(start=float(place) * (1 - width), width=width))
    return tuple(masks)


def _within(limits: tuple[float, float], place: float) -> float:
    """From a place between 0 and 1 to one between the limits."""
    low, high = limits
    return low + float(place) * (high - low)
