"""What plans name, as samples: of one example from the disk, of a batch as tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wesep_like.audio.levels import is_silent
from wesep_like.data.rooms.random_responses import DIRECT_TAP, RandomRooms
from wesep_like.data.rooms.response import Response
from wesep_like.data.simulation.augmentation.effects import Effects
from wesep_like.data.simulation.enrollments import Enrollment, EnrollmentClips
from wesep_like.data.simulation.plans import TARGET_KINDS, MixturePlan
from wesep_like.data.simulation.random_rooms import gathered
from wesep_like.data.tensors import map_tensors


@dataclass(frozen=True)
class Ingredients:
    """One plan and the samples that it names, all at the mixture's sample rate.

    Args:
        sources: The target, then the interferers; each (samples,), at its speed and place in the
            mixture, without a room. Of a recorded mixture: the target, then all else in it.
        responses: The room's response for each source; None for no room, or one whose responses
            are computed in rendering.
        noise: (samples,), or None.
        enrollment: What is heard of the enrolled speaker.
        speaker: The target's place in the list of training speakers, or -1.
    """

    plan: MixturePlan
    sources: tuple[np.ndarray, ...]
    responses: tuple[Response | None, ...]
    noise: np.ndarray | None
    enrollment: Enrollment
    speaker: int = -1

    @property
    def is_silent(self) -> bool:
        """Whether nothing is heard of a voice that should be."""
        # An absent target is silent as planned; the voice in its place must not be.
        voice = self.sources[self.plan.reference]
        return bool(is_silent(voice)) or self.enrollment.is_silent

    @property
    def sir_db(self) -> list[float]:
        """Target over each source; NaN if it stays as loud as it is."""
        if self.plan.mixture is not None:
            return [0.0, math.nan]
        return [source.sir_db for source in self.plan.sources]


@dataclass(frozen=True)
class PlannedLoudness:
    """Loudness in LUFS; NaN where ratios of power are planned.

    Args:
        sources: (batch, sources).
        noise: (batch,).
    """

    sources: Tensor
    noise: Tensor


@dataclass(frozen=True)
class Clips:
    """The ingredients of a batch as tensors; what is missing is zeros.

    Args:
        sources: (batch, sources, samples), the target first.
        sir_db: (batch, sources), NaN where a source stays as loud as it is.
        responses: (batch, sources, taps), or None if no example has responses.
        direct: (batch, sources) int, the tap of the direct path in responses of any origin.
        has_room: (batch, sources) bool.
        random_rooms: Rooms whose responses are yet to be computed, or None.
        random_rows: (rooms,) int, which examples are in these.
        target_kind: (batch,) int, place in TARGET_KINDS.
        has_early: Whether any of them is "early".
        noise: (batch, samples).
        snr_db: (batch,).
        level_db: (batch,), NaN where the level stays as recorded.
        has_target: (batch,) bool; where false, the first interferer stands for the target.
        loudness: What is planned in LUFS, or None if no example has it.
        effects: On sources, counted through as (batch * sources); None if there are none.
    """

    ids: list[str]
    sample_rate: int
    sources: Tensor
    sir_db: Tensor
    responses: Tensor | None
    direct: Tensor
    has_room: Tensor
    random_rooms: RandomRooms | None
    random_rows: Tensor
    target_kind: Tensor
    has_early: bool
    noise: Tensor
    snr_db: Tensor
    level_db: Tensor
    mixture_samples: Tensor
    enrollments: EnrollmentClips
    speakers: Tensor
    has_target: Tensor
    loudness: PlannedLoudness | None = None
    effects: Effects | None = None

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Clips:
        """The same clips on another device."""
        return map_tensors(self, lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Clips:
        """The same clips in page-locked memory; a DataLoader asks for it."""
        return map_tensors(self, lambda tensor: tensor.pin_memory())


def collate(examples: Sequence[Ingredients]) -> Clips:
    """Put the ingredients of several examples into padded tensors; nothing is cut."""
    plans = [example.plan for example in examples]
    batch, num_samples = len(plans), max(plan.num_samples for plan in plans)
    sources = torch.zeros(batch, max(len(example.sources) for example in examples), num_samples)
    sir_db = torch.zeros(sources.shape[:2])
    noise = torch.zeros(batch, num_samples)
    taps = [len(r.taps) for example in examples for r in example.responses if r is not None]
    responses = torch.zeros(*sources.shape[:2], max(taps)) if taps else None
    direct = torch.zeros(sources.shape[:2], dtype=torch.long)
    has_room = torch.zeros(sources.shape[:2], dtype=torch.bool)
    random_rows = [i for i, plan in enumerate(plans) if plan.room and plan.room.kind == "random"]
    for i, example in enumerate(examples):
        for j, (samples, ratio) in enumerate(zip(example.sources, example.sir_db, strict=True)):
            sources[i, j, : len(samples)] = torch.from_numpy(samples)
            sir_db[i, j] = ratio
        for j, response in enumerate(example.responses):
            if response is not None and responses is not None:
                responses[i, j, : len(response.taps)] = torch.from_numpy(response.taps)
                direct[i, j] = response.direct
                has_room[i, j] = True
        if example.noise is not None:
            noise[i, : len(example.noise)] = torch.from_numpy(example.noise)
    for i in random_rows:
        direct[i, : len(plans[i].sources)] = DIRECT_TAP
        has_room[i, : len(plans[i].sources)] = True
    return Clips(
        ids=[plan.id for plan in plans],
        sample_rate=plans[0].sample_rate,
        sources=sources,
        sir_db=sir_db,
        responses=responses,
        direct=direct,
        has_room=has_room,
        random_rooms=gathered([plans[i].room for i in random_rows], plans[0].sample_rate),
        random_rows=torch.tensor(random_rows, dtype=torch.long),
        target_kind=torch.tensor([TARGET_KINDS.index(plan.target_kind) for plan in plans]),
        has_early=any(plan.target_kind == "early" for plan in plans),
        noise=noise,
        snr_db=torch.tensor([plan.noise.snr_db if plan.noise else 0.0 for plan in plans]),
        level_db=torch.tensor([math.nan if p.level_db is None else p.level_db for p in plans]),
        mixture_samples=torch.tensor([plan.num_samples for plan in plans]),
        enrollments=EnrollmentClips.of(
            [example.enrollment for example in examples], plans[0].sample_rate
        ),
        speakers=torch.tensor([example.speaker for example in examples]),
        has_target=torch.tensor([plan.has_target for plan in plans]),
        loudness=_planned_loudness(plans, sources.shape[1]),
        effects=_effects_on(sources, plans),
    )


def _effects_on(sources: Tensor, plans: Sequence[MixturePlan]) -> Effects | None:
    """The effects on sources (batch, sources, samples), some of which are in no plan."""
    effects = [
        plan.sources[place].effects if place < len(plan.sources) else None
        for plan in plans
        for place in range(sources.shape[1])
    ]
    return Effects.of(effects, sources.flatten(0, 1), plans[0].sample_rate)


def _planned_loudness(plans: Sequence[MixturePlan], num_sources: int) -> PlannedLoudness | None:
    if all(plan.target.loudness_lufs is None for plan in plans):
        return None
    sources = torch.full((len(plans), num_sources), torch.nan)
    noise = torch.full((len(plans),), torch.nan)
    for i, plan in enumerate(plans):
        for j, source in enumerate(plan.sources):
            if source.loudness_lufs is not None:
                sources[i, j] = source.loudness_lufs
        if plan.noise is not None and plan.noise.loudness_lufs is not None:
            noise[i] = plan.noise.loudness_lufs
    return PlannedLoudness(sources, noise)
