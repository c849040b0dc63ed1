"""When each voice is heard, where that is drawn: how much of its time it shares with the target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wesep_like.audio import to_samples
from wesep_like.data.simulation.options import MixingOptions


@dataclass(frozen=True)
class Slot:
    """When a voice is heard, in the mixture's samples."""

    offset: int
    num_samples: int


@dataclass(frozen=True)
class Timeline:
    """When all voices are heard, the target's first, in a mixture of `num_samples`."""

    num_samples: int
    slots: list[Slot]


@dataclass(frozen=True)
class _Overlap:
    """How an interferer lies to the target: what they share, as a share of the shorter one."""

    share: float
    is_before: bool

    def outside(self, interferer: int, target: int) -> int:
        """How much of the interferer is heard without the target."""
        return interferer - math.ceil(self.share * min(interferer, target))

    def longest(self, room: int, target: int) -> int:
        """How long an interferer may be of which so much fits beside the target."""
        if room < target * (1 - self.share):  # it is the shorter one
            return math.floor(room / (1 - self.share))
        return math.floor(room + self.share * target)


class Timing:
    """The choice of timelines.

    A share of overlap is the time that target and interferer have in common over the time of the
    shorter of the two recordings, pauses included. Each interferer begins before the target or ends
    after it. In a mixture of given length all are cut so that they fit, the target as little as can
    be.

    Source:
        Sparsely overlapping mixtures: LibriMix (Cosentino et al., 2020), LibriCSS (Chen et al.,
        2020).

    Args:
        options: How mixtures are made.
        sample_rate: Of the mixtures, in Hz.
    """

    def __init__(self, options: MixingOptions, sample_rate: int) -> None:
        self._range = options.overlap_range
        seconds = options.mixture_seconds
        self._limit = None if seconds is None else to_samples(seconds, sample_rate)

    def draw(self, rng: np.random.Generator, lengths: Sequence[int]) -> Timeline | None:
        """When each voice is heard; None where shares of overlap are not drawn.

        Args:
            rng: Where it comes from.
            lengths: How much there is of each voice, the target's first, in the mixture's samples.
        """
        if self._range is None:
            return None
        place = rng.random()
        overlaps = [
            _Overlap(float(rng.uniform(*self._range)), bool(rng.random() < 0.5))
            for _ in lengths[1:]
        ]
        if self._limit is None:
            before, after = _beside(lengths[0], lengths[1:], overlaps)
            kept, num_samples = list(lengths), before + lengths[0] + after
        else:
            num_samples = self._limit
            kept, before = _cut(num_samples, lengths, overlaps, place)
        target = kept[0]
        slots = [Slot(before, target)]
        for length, overlap in zip(kept[1:], overlaps, strict=True):
            outside = overlap.outside(length, target)
            end = target + outside - length
            slots.append(Slot(before - outside if overlap.is_before else before + end, length))
        return Timeline(num_samples, slots)


def _beside(
    target: int, interferers: Sequence[int], overlaps: Sequence[_Overlap]
) -> tuple[int, int]:
    """How much of the mixture lies before the target, and how much after it."""
    sides = {True: 0, False: 0}
    for length, overlap in zip(interferers, overlaps, strict=True):
        outside = overlap.outside(length, target)
        sides[overlap.is_before] = max(sides[overlap.is_before], outside)
    return sides[True], sides[False]


def _cut(
    limit: int, lengths: Sequence[int], overlaps: Sequence[_Overlap], place: float
) -> tuple[list[int], int]:
    """How much is kept of each voice for all to fit into `limit`, and where the target begins.

    The target is as long as can be while each interferer may be as long as it; what is left over
    goes before and after it by `place`, and interferers may be longer there.
    """

    def beside(target: int) -> tuple[int, int]:
        return _beside(target, [min(length, target) for length in lengths[1:]], overlaps)

    fits, too_long = 1, min(lengths[0], limit) + 1
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if middle + sum(beside(middle)) <= limit:
            fits = middle
        else:
            too_long = middle
    target = fits
    before, after = beside(target)
    before += int(place * (max(limit - target - before - after, 0) + 1))
    rooms = {True: before, False: limit - target - before}
    kept = [
        max(1, min(length, overlap.longest(rooms[overlap.is_before], target)))
        for length, overlap in zip(lengths[1:], overlaps, strict=True)
    ]
    return [target, *kept], before
