"""What plans name, as samples: of one example from the disk, of a batch as tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wesep_like.data.simulation.plans import TARGET_KINDS, MixturePlan
from wesep_like.data.tensors import map_tensors


@dataclass(frozen=True)
class Ingredients:
    """One plan and the samples that it names, all at the mixture's sample rate.

    Args:
        sources: The target, then the interferers; each (samples,), at its speed and place in the
            mixture, without a room. Of a recorded mixture: the target, then all else in it.
        responses: The room's response for each source, (taps,), or None.
        noise: (samples,), or None.
        enrollment: (enroll_samples,).
        speaker: The target's place in the list of training speakers, or -1.
    """

    plan: MixturePlan
    sources: tuple[np.ndarray, ...]
    responses: tuple[np.ndarray | None, ...]
    noise: np.ndarray | None
    enrollment: np.ndarray
    speaker: int = -1

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
        responses: (batch, sources, taps), or None if no example has a room.
        has_room: (batch, sources) bool.
        target_kind: (batch,) int, place in TARGET_KINDS.
        noise: (batch, samples).
        snr_db: (batch,).
        level_db: (batch,), NaN where the level stays as recorded.
        has_target: (batch,) bool; where false, the first interferer stands for the target.
        loudness: What is planned in LUFS, or None if no example has it.
    """

    ids: list[str]
    sample_rate: int
    sources: Tensor
    sir_db: Tensor
    responses: Tensor | None
    has_room: Tensor
    target_kind: Tensor
    noise: Tensor
    snr_db: Tensor
    level_db: Tensor
    mixture_samples: Tensor
    enrollment: Tensor
    enrollment_samples: Tensor
    enrollment_keys: list[str]
    speakers: Tensor
    has_target: Tensor
    loudness: PlannedLoudness | None = None

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
    enrollment = torch.zeros(batch, max(len(example.enrollment) for example in examples))
    taps = [len(r) for example in examples for r in example.responses if r is not None]
    responses = torch.zeros(*sources.shape[:2], max(taps)) if taps else None
    has_room = torch.zeros(sources.shape[:2], dtype=torch.bool)
    for i, example in enumerate(examples):
        for j, (samples, ratio) in enumerate(zip(example.sources, example.sir_db, strict=True)):
            sources[i, j, : len(samples)] = torch.from_numpy(samples)
            sir_db[i, j] = ratio
        for j, response in enumerate(example.responses):
            if response is not None and responses is not None:
                responses[i, j, : len(response)] = torch.from_numpy(response)
                has_room[i, j] = True
        if example.noise is not None:
            noise[i, : len(example.noise)] = torch.from_numpy(example.noise)
        enrollment[i, : len(example.enrollment)] = torch.from_numpy(example.enrollment)
    return Clips(
        ids=[plan.id for plan in plans],
        sample_rate=plans[0].sample_rate,
        sources=sources,
        sir_db=sir_db,
        responses=responses,
        has_room=has_room,
        target_kind=torch.tensor([TARGET_KINDS.index(plan.target_kind) for plan in plans]),
        noise=noise,
        snr_db=torch.tensor([plan.noise.snr_db if plan.noise else 0.0 for plan in plans]),
        level_db=torch.tensor([math.nan if p.level_db is None else p.level_db for p in plans]),
        mixture_samples=torch.tensor([plan.num_samples for plan in plans]),
        enrollment=enrollment,
        enrollment_samples=torch.tensor([len(example.enrollment) for example in examples]),
        enrollment_keys=[plan.enrollment.key for plan in plans],
        speakers=torch.tensor([example.speaker for example in examples]),
        has_target=torch.tensor([plan.has_target for plan in plans]),
        loudness=_planned_loudness(plans, sources.shape[1]),
    )


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
