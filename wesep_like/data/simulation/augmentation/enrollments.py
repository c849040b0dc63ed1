"""Rooms, noise and effects on a batch of enrollments, and masks for their features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wesep_like.audio.convolution import convolve
from wesep_like.audio.feature_masks import FeatureMasks
from wesep_like.audio.levels import power
from wesep_like.data.rooms.random_responses import DIRECT_TAP, RandomRooms, random_responses
from wesep_like.data.rooms.response import Response
from wesep_like.data.simulation.augmentation.effects import Effects, as_powerful
from wesep_like.data.simulation.augmentation.plans import MaskPlan
from wesep_like.data.simulation.plans import EnrollmentPlan
from wesep_like.data.simulation.random_rooms import gathered


@dataclass(frozen=True)
class EnrollmentRooms:
    """Rooms whose responses were read.

    Args:
        rows: (rooms,) int, which enrollments are in them.
        responses: (rooms, taps).
        direct: (rooms,) int, the tap of the direct path.
    """

    rows: Tensor
    responses: Tensor
    direct: Tensor

    @staticmethod
    def of(responses: Sequence[Response | None]) -> EnrollmentRooms | None:
        """From one response an enrollment, or None; None if there are none."""
        rows, padded = _padded([None if r is None else r.taps for r in responses])
        if padded is None:
            return None
        direct = torch.tensor([response.direct for response in responses if response is not None])
        return EnrollmentRooms(rows, padded, direct)

    def changed(self, signals: Tensor) -> Tensor:
        """Signals (rooms, samples) in their rooms, without the delay of the direct path."""
        return convolve(signals, self.responses, self.direct)


@dataclass(frozen=True)
class EnrollmentRandomRooms:
    """Rooms, one source in each, whose responses are computed here.

    Args:
        rows: (rooms,) int, which enrollments are in them.
        rooms: What they are like.
        sample_rate: Hz.
    """

    rows: Tensor
    rooms: RandomRooms
    sample_rate: int

    @staticmethod
    def of(plans: Sequence[EnrollmentPlan], sample_rate: int) -> EnrollmentRandomRooms | None:
        """Those that plans ask for; None if none does."""
        rooms = gathered([plan.room for plan in plans], sample_rate)
        if rooms is None:
            return None
        rows = [row for row, p in enumerate(plans) if p.room and p.room.kind == "random"]
        return EnrollmentRandomRooms(torch.tensor(rows), rooms, sample_rate)

    def changed(self, signals: Tensor) -> Tensor:
        """Signals (rooms, samples) in their rooms, without the delay of the direct path."""
        responses = random_responses(self.rooms, self.sample_rate)[:, 0]
        return convolve(signals, responses, torch.full_like(self.rows, DIRECT_TAP))


@dataclass(frozen=True)
class EnrollmentNoises:
    """Noises (noises, samples) under the enrollments `rows` (noises,), and their `snr_db`."""

    rows: Tensor
    noises: Tensor
    snr_db: Tensor

    @staticmethod
    def of(
        plans: Sequence[EnrollmentPlan], noises: Sequence[np.ndarray | None], num_samples: int
    ) -> EnrollmentNoises | None:
        """From one noise an enrollment, or None, each padded to `num_samples`; None if none is."""
        rows, padded = _padded(noises, num_samples)
        if padded is None:
            return None
        snr_db = [plan.noise.snr_db for plan in plans if plan.noise is not None]
        return EnrollmentNoises(rows, padded, torch.tensor(snr_db))

    def changed(self, signals: Tensor) -> Tensor:
        """Signals (noises, samples) with their noises; both are padded alike."""
        loudness = power(self.noises)
        to_signal = torch.where(loudness > 0, (power(signals) / loudness).sqrt(), 0.0)
        return signals + self.noises * (to_signal * 10 ** (-self.snr_db / 20))[:, None]


@dataclass(frozen=True)
class EnrollmentChanges:
    """All that is done to a batch of enrollments."""

    rooms: EnrollmentRooms | None
    random_rooms: EnrollmentRandomRooms | None
    noises: EnrollmentNoises | None
    effects: Effects | None

    @staticmethod
    def of(
        plans: Sequence[EnrollmentPlan],
        responses: Sequence[Response | None],
        noises: Sequence[np.ndarray | None],
        enrollment: Tensor,
        sample_rate: int,
    ) -> EnrollmentChanges | None:
        """What the plans ask for.

        Args:
            plans: One an enrollment.
            responses: The room's response for each, or None.
            noises: For each, (its samples,), or None.
            enrollment: (batch, samples), for which they are.
            sample_rate: Hz.

        Returns:
            None if no plan asks for anything.
        """
        changes = EnrollmentChanges(
            EnrollmentRooms.of(responses),
            EnrollmentRandomRooms.of(plans, sample_rate),
            EnrollmentNoises.of(plans, noises, enrollment.shape[-1]),
            Effects.of([plan.effects for plan in plans], enrollment, sample_rate),
        )
        return None if changes == EnrollmentChanges(None, None, None, None) else changes

    def on(self, enrollment: Tensor, is_inside: Tensor) -> Tensor:
        """The enrollments (batch, samples) after all of it, each as powerful as it was.

        Args:
            enrollment: Those to which nothing is done stay as they are, to the bit.
            is_inside: (batch, samples) bool, whether a sample is none of padding.
        """
        changed = enrollment
        for change in (self.rooms, self.random_rooms, self.noises):
            if change is not None:
                rows = change.rows
                heard = change.changed(changed[rows]) * is_inside[rows]
                changed = changed.index_copy(0, rows, heard)
        if self.effects is not None:
            changed = self.effects.on(changed, is_inside)
        return as_powerful(changed, enrollment)


def masks_of(plans: Sequence[EnrollmentPlan]) -> FeatureMasks | None:
    """The masks of a batch; None if no plan has any."""
    if all(plan.masks is None for plan in plans):
        return None
    return FeatureMasks(
        _spans([() if plan.masks is None else plan.masks.time for plan in plans]),
        _spans([() if plan.masks is None else plan.masks.frequency for plan in plans]),
    )


def _spans(masks: Sequence[tuple[MaskPlan, ...]]) -> Tensor:
    """Beginning and end of each mask, (batch, masks, 2); where one is missing, nothing between."""
    spans = torch.zeros(len(masks), max(map(len, masks)), 2)
    for row, of_row in enumerate(masks):
        for place, mask in enumerate(of_row):
            spans[row, place] = torch.tensor([mask.start, mask.start + mask.width])
    return spans


def _padded(
    signals: Sequence[np.ndarray | None], num_samples: int = 0
) -> tuple[Tensor, Tensor | None]:
    """Which are given, and these as (given, samples) with zeros at the end, or None if none is."""
    given = [(row, signal) for row, signal in enumerate(signals) if signal is not None]
    rows = torch.tensor([row for row, _ in given])
    if not given:
        return rows, None
    padded = torch.zeros(len(given), max(num_samples, *(len(signal) for _, signal in given)))
    for place, (_, signal) in enumerate(given):
        padded[place, : len(signal)] = torch.from_numpy(signal)
    return rows, padded
