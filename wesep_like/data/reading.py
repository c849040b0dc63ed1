"""From plans to the samples that they name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from wesep_like.audio.resample import resample
from wesep_like.data.rooms.image_responses import direct_sample, image_responses
from wesep_like.data.rooms.response import Response
from wesep_like.data.simulation.clips import Ingredients
from wesep_like.data.simulation.colored_noise import colored_noise
from wesep_like.data.simulation.enrollments import Enrollment
from wesep_like.data.simulation.plans import (
    EnrollmentPlan,
    MixturePlan,
    NoisePlan,
    SourcePlan,
)
from wesep_like.data.simulation.room_plans import SimulatedRoom
from wesep_like.data.store import AudioStore
from wesep_like.errors import SampleRateError


def read_ingredients(plan: MixturePlan, store: AudioStore, *, speaker: int = -1) -> Ingredients:
    """Read what a plan names.

    Args:
        store: Its sample rate is the plan's.
        speaker: The target's place in the list of training speakers, or -1.

    Raises:
        AudioError: If a file is missing or broken; names it.
        SampleRateError: If the plan is for another sample rate than the store's.
    """
    if plan.sample_rate != store.sample_rate:
        raise SampleRateError(
            f"mixture {plan.id!r}: planned at {plan.sample_rate} Hz, but audio is read at "
            f"{store.sample_rate} Hz. Prepare the mixtures at {store.sample_rate} Hz"
        )
    target = (
        _read_source(plan.target, store, plan.num_samples)
        if plan.has_target
        else np.zeros(plan.num_samples, np.float32)
    )
    if plan.mixture is not None:
        recorded = replace(plan.target, clip=plan.mixture)
        others = [_read_source(recorded, store, plan.num_samples) - target]
    else:
        others = [_read_source(source, store, plan.num_samples) for source in plan.interferers]
    return Ingredients(
        plan=plan,
        sources=(target, *others),
        responses=_responses(plan.room, plan.sources, store),
        noise=None if plan.noise is None else _read_noise(plan.noise, store, plan.num_samples),
        enrollment=read_enrollment(plan.enrollment, store),
        speaker=speaker,
    )


def read_enrollment(plan: EnrollmentPlan, store: AudioStore) -> Enrollment:
    """Read what the plan of an enrollment, or of any voice alone, names.

    Raises:
        AudioError: If a file is missing or broken; names it.
    """
    samples = _at_speed(store.read(plan.clip), plan.speed)
    if plan.num_samples is not None:
        samples = np.resize(samples, plan.num_samples)  # np.resize repeats
    return Enrollment(
        plan,
        samples,
        _responses(plan.room, [plan], store)[0],
        None if plan.noise is None else _read_noise(plan.noise, store, len(samples)),
    )


def _read_source(source: SourcePlan, store: AudioStore, num_samples: int) -> np.ndarray:
    samples = _at_speed(store.read(source.clip), source.speed)[: num_samples - source.offset]
    placed = np.zeros(num_samples, np.float32)
    placed[source.offset : source.offset + len(samples)] = samples
    return placed


def _responses(
    room: SimulatedRoom | None, heard: Sequence[SourcePlan | EnrollmentPlan], store: AudioStore
) -> tuple[Response | None, ...]:
    """Of all that is heard in one room: read, or computed here if that takes pyroomacoustics."""
    if room is None or room.kind != "image":
        return tuple(_read_response(one, store) for one in heard)
    rate = store.sample_rate
    computed = image_responses(
        room.size_m, room.rt60_seconds, [room.microphone_m], room.sources_m, rate
    )
    return tuple(
        Response(taps[:, 0], direct_sample(room.microphone_m, source, rate))
        for taps, source in zip(computed, room.sources_m, strict=True)
    )


def _read_response(source: SourcePlan | EnrollmentPlan, store: AudioStore) -> Response | None:
    if source.response is None:
        return None
    taps = store.read_response(source.response)
    if source.direct_sample is None:
        return Response(taps, int(np.abs(taps).argmax()))
    after = source.direct_sample - source.response.start
    return Response(taps, round(after * store.sample_rate / source.response.sample_rate))


def _read_noise(noise: NoisePlan, store: AudioStore, num_samples: int) -> np.ndarray:
    if noise.color is not None:
        return colored_noise(noise.color, num_samples, store.sample_rate)
    assert noise.clip is not None
    recorded = np.roll(store.read(noise.clip), -noise.offset)
    return np.resize(recorded, num_samples)  # np.resize repeats


def _at_speed(samples: np.ndarray, speed: float) -> np.ndarray:
    """Played faster or slower, pitch and all."""
    # The resampler wants whole numbers; speeds come in hundredths.
    return resample(samples, round(100 * speed), 100)
