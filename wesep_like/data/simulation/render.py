"""Compute the examples that plans decided: batched, on whichever device the clips are.

Random in nothing, and changes none of its inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wesep_like.audio import to_samples
from wesep_like.data.batch import Batch
from wesep_like.data.simulation.plans import TARGET_KINDS, MixturePlan

EARLY_SECONDS = 0.05  # reflections that help intelligibility; the usual limit (ISO 3382-1's D50)
_HIGHEST_PEAK = 0.99


@dataclass(frozen=True)
class Ingredients:
    """One plan and the samples that it names, all at the mixture's sample rate.

    Args:
        sources: The target, then the interferers; each (samples,), at its speed and place in the
            mixture, without a room.
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


@dataclass(frozen=True)
class Clips:
    """The ingredients of a batch as tensors; what is missing is zeros.

    Args:
        sources: (batch, sources, samples), the target first.
        sir_db: (batch, sources).
        responses: (batch, sources, taps), or None if no example has a room.
        has_room: (batch, sources) bool.
        target_kind: (batch,) int, place in TARGET_KINDS.
        noise: (batch, samples).
        snr_db: (batch,).
        level_db: (batch,), NaN where the level stays as recorded.
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

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Clips:
        """The same clips on another device."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Clips:
        """The same clips in page-locked memory; a DataLoader asks for it."""
        return self._map(lambda tensor: tensor.pin_memory())

    def _map(self, function: Callable[[Tensor], Tensor]) -> Clips:
        mapped: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            mapped[field.name] = function(value) if isinstance(value, Tensor) else value
        return Clips(**mapped)


def collate(examples: Sequence[Ingredients]) -> Clips:
    """Put the ingredients of several examples into padded tensors; nothing is cut."""
    plans = [example.plan for example in examples]
    batch, num_samples = len(plans), max(plan.num_samples for plan in plans)
    sources = torch.zeros(batch, max(len(plan.sources) for plan in plans), num_samples)
    sir_db = torch.zeros(sources.shape[:2])
    noise = torch.zeros(batch, num_samples)
    enrollment = torch.zeros(batch, max(len(example.enrollment) for example in examples))
    taps = [len(r) for example in examples for r in example.responses if r is not None]
    responses = torch.zeros(*sources.shape[:2], max(taps)) if taps else None
    has_room = torch.zeros(sources.shape[:2], dtype=torch.bool)
    for i, example in enumerate(examples):
        for j, (source, samples) in enumerate(
            zip(example.plan.sources, example.sources, strict=True)
        ):
            sources[i, j, : len(samples)] = torch.from_numpy(samples)
            sir_db[i, j] = source.sir_db
        for j, response in enumerate(example.responses):
            if response is not None and responses is not None:
                responses[i, j, : len(response)] = torch.from_numpy(response)
                has_room[i, j] = True
        if example.noise is not None:
            noise[i, : len(example.noise)] = torch.from_numpy(example.noise)
        enrollment[i, : len(example.enrollment)] = torch.from_numpy(example.enrollment)
    nan = float("nan")
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
        level_db=torch.tensor([nan if p.level_db is None else p.level_db for p in plans]),
        mixture_samples=torch.tensor([plan.num_samples for plan in plans]),
        enrollment=enrollment,
        enrollment_samples=torch.tensor([len(example.enrollment) for example in examples]),
        enrollment_keys=[plan.enrollment.key for plan in plans],
        speakers=torch.tensor([example.speaker for example in examples]),
    )


def render(clips: Clips) -> Batch:
    """Mix: room, then levels (SIR, SNR), then one common gain.

    Levels are of what is heard: powers of the signals after the room, over all samples of the
    mixture; SIR and SNR are both relative to the target. A silent interferer or noise is left out;
    a silent target leaves silence.
    """
    num_samples = clips.sources.shape[-1]
    is_inside = (
        torch.arange(num_samples, device=clips.sources.device) < clips.mixture_samples[:, None]
    )
    heard, target = _in_room(clips)
    heard, target = heard * is_inside[:, None], target * is_inside

    voice, others = heard[:, 0], heard[:, 1:]
    power = _energy(voice)
    others = others * _gain_for(power[:, None], _energy(others), clips.sir_db[:, 1:])[..., None]
    interference = others.sum(dim=1)
    noise = clips.noise * _gain_for(power, _energy(clips.noise), clips.snr_db)[:, None]
    mixture = voice + interference + noise

    gain = _common_gain(mixture, clips.level_db, clips.mixture_samples)[:, None]
    return Batch(
        ids=clips.ids,
        mixture=mixture * gain,
        target=target * gain,
        mixture_samples=clips.mixture_samples,
        enrollment=clips.enrollment,
        enrollment_samples=clips.enrollment_samples,
        enrollment_keys=clips.enrollment_keys,
        speakers=clips.speakers,
        interference=interference * gain,
        noise=noise * gain,
    )


def _in_room(clips: Clips) -> tuple[Tensor, Tensor]:
    """Sources as heard (batch, sources, samples); what of the target is wanted (batch, samples).

    The delay of each direct path (the response's largest sample) is taken out, so that a target is
    where it was.
    """
    if clips.responses is None:
        return clips.sources, clips.sources[:, 0]
    direct = clips.responses.abs().argmax(dim=-1)
    heard = _convolve(clips.sources, clips.responses, direct)
    kept = _kept_response(clips, direct[:, :1])
    target = _convolve(clips.sources[:, 0], kept, direct[:, 0])
    # An example without a room must not depend on whether another one in its batch has one.
    return (
        torch.where(clips.has_room[..., None], heard, clips.sources),
        torch.where(clips.has_room[:, :1], target, clips.sources[:, 0]),
    )


def _kept_response(clips: Clips, direct: Tensor) -> Tensor:
    """The part (batch, taps) of the target's response that belongs to the target."""
    assert clips.responses is not None
    taps = torch.arange(clips.responses.shape[-1], device=direct.device)
    is_direct = taps == direct
    is_early = taps <= direct + to_samples(EARLY_SECONDS, clips.sample_rate)
    is_kept_by_kind = torch.stack([is_direct, is_early, torch.ones_like(is_early)])
    is_kept = is_kept_by_kind[clips.target_kind, torch.arange(len(direct), device=direct.device)]
    return clips.responses[:, 0] * is_kept


def _convolve(signals: Tensor, responses: Tensor, delays: Tensor) -> Tensor:
    """Signals (*, samples) through responses (*, taps), advanced by delays (*); no longer."""
    num_samples, taps = signals.shape[-1], responses.shape[-1]
    size = 1 << (num_samples + taps - 2).bit_length()
    spectrum = torch.fft.rfft(signals, size) * torch.fft.rfft(responses, size)
    convolved = torch.fft.irfft(spectrum, size)
    places = torch.arange(num_samples, device=signals.device) + delays[..., None]
    return convolved.gather(-1, places)


def _energy(signals: Tensor) -> Tensor:
    return signals.square().sum(dim=-1)


def _gain_for(target_energy: Tensor, energy: Tensor, ratio_db: Tensor) -> Tensor:
    """The gain that brings a signal so many dB under the target; 0 for a silent one."""
    wanted = target_energy * 10 ** (-ratio_db / 10)
    return torch.where(energy > 0, (wanted / energy).sqrt(), 0.0)


def _common_gain(mixture: Tensor, level_db: Tensor, mixture_samples: Tensor) -> Tensor:
    """One gain an example (batch,): to the wanted level, but never so that the mixture clips."""
    tiny = torch.finfo(mixture.dtype).tiny
    rms = (_energy(mixture) / mixture_samples).sqrt().clamp_min(tiny)
    to_level = torch.where(level_db.isnan(), torch.ones_like(rms), 10 ** (level_db / 20) / rms)
    highest = _HIGHEST_PEAK / mixture.abs().amax(dim=-1).clamp_min(tiny)
    return torch.minimum(to_level, highest)
