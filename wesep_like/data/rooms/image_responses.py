"""Room responses by the image-source model of pyroomacoustics."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from wesep_like.audio import to_samples
from wesep_like.data.rooms.acoustics import SPEED_OF_SOUND, wall_loss

_FILTER_TAPS = 81  # of pyroomacoustics' fractional delays: it puts all sound half of them later
_LOST = 6 * math.log(10)  # 60 dB
MAX_ORDER = 160
"""Reflections of one sound; more than 5 million images are beyond sense."""

Place = Sequence[float]


def max_order(size_m: Place, rt60_seconds: float) -> int:
    """How many reflections a sound goes through before the walls have taken 60 dB."""
    return math.ceil(_LOST / wall_loss(size_m, rt60_seconds))


def absorption(size_m: Place, rt60_seconds: float) -> float:
    """Share of the energy that a wall takes, 0 to 1."""
    return 1 - math.exp(-wall_loss(size_m, rt60_seconds))


def direct_sample(microphone_m: Place, source_m: Place, sample_rate: int) -> int:
    """The tap of a response at which the direct path arrives, to the nearest."""
    seconds = math.dist(microphone_m, source_m) / SPEED_OF_SOUND
    return _FILTER_TAPS // 2 + round(seconds * sample_rate)


def num_taps(rt60_seconds: float, microphone_m: Place, source_m: Place, sample_rate: int) -> int:
    """The length of a response: the reverberation time from the direct path on."""
    after = to_samples(rt60_seconds, sample_rate) + 1
    return direct_sample(microphone_m, source_m, sample_rate) + after


def image_responses(
    size_m: Place,
    rt60_seconds: float,
    microphones_m: Sequence[Place],
    sources_m: Sequence[Place],
    sample_rate: int,
) -> list[np.ndarray]:
    """(taps, microphones) float32 for each source in a box-shaped room.

    All is relative to the direct path to the first microphone, which has amplitude 1; it is a
    single sample if the distance is a whole number of samples. All walls are alike, and the same at
    all frequencies. As long as `num_taps` to the first microphone.
    """
    import pyroomacoustics

    # With several threads sums are taken in another order; and loaders have processes enough.
    pyroomacoustics.constants.set("num_threads", 1)
    room = pyroomacoustics.ShoeBox(
        size_m,
        fs=sample_rate,
        materials=pyroomacoustics.Material(absorption(size_m, rt60_seconds)),
        max_order=max_order(size_m, rt60_seconds),
    )
    room.add_microphone_array(np.array(microphones_m).T)
    for source in sources_m:
        room.add_source(source)
    room.compute_rir()
    responses = []
    for number, source in enumerate(sources_m):
        length = num_taps(rt60_seconds, microphones_m[0], source, sample_rate)
        response = np.zeros((length, len(microphones_m)))
        for channel, of_sources in enumerate(room.rir):
            taps = of_sources[number][:length]
            response[: len(taps), channel] = taps
        direct = response[direct_sample(microphones_m[0], source, sample_rate), 0]
        responses.append((response / direct).astype(np.float32))
    return responses
