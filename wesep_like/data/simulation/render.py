"""Compute the examples that plans decided: batched, on whichever device the clips are.

Random in nothing, and changes none of its inputs.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from wesep_like.data.batch import Batch
from wesep_like.data.simulation.clips import Clips
from wesep_like.data.simulation.reverberation import in_room

_HIGHEST_PEAK = 0.99


def render(clips: Clips) -> Batch:
    """Mix: effects on voices, room, then levels (SIR, SNR), then one common gain.

    Levels are of what is heard: powers of the signals after the room, over all samples of the
    mixture; SIR and SNR are both relative to the target. A silent interferer or noise is left out;
    a silent target leaves silence. A recorded mixture keeps its levels.
    """
    num_samples = clips.sources.shape[-1]
    is_inside = (
        torch.arange(num_samples, device=clips.sources.device) < clips.mixture_samples[:, None]
    )
    clips = _augmented(clips, is_inside)
    heard, target = in_room(clips)
    heard, target = heard * is_inside[:, None], target * is_inside

    voice, others = heard[:, 0], heard[:, 1:]
    power = _energy(voice)
    others = others * _gain_for(power[:, None], _energy(others), clips.sir_db[:, 1:])[..., None]
    noise = clips.noise * _gain_for(power, _energy(clips.noise), clips.snr_db)[:, None]
    mixture = voice + others.sum(dim=1) + noise

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
        interferers=others * gain[:, None],
        noise=noise * gain,
        enrollment_masks=clips.enrollment_masks,
    )


def _augmented(clips: Clips, is_inside: Tensor) -> Clips:
    """The clips with the effects on their sources, and with all that is done to enrollments."""
    sources, enrollment = clips.sources, clips.enrollment
    if clips.effects is not None:
        is_source = is_inside[:, None].expand(sources.shape)
        heard = clips.effects.on(sources.flatten(0, 1), is_source.flatten(0, 1))
        sources = heard.view_as(sources)
    if clips.enrollment_changes is not None:
        samples = torch.arange(enrollment.shape[-1], device=enrollment.device)
        is_enrollment = samples < clips.enrollment_samples[:, None]
        enrollment = clips.enrollment_changes.on(enrollment, is_enrollment)
    return replace(clips, sources=sources, enrollment=enrollment)


def _energy(signals: Tensor) -> Tensor:
    return signals.square().sum(dim=-1)


def _gain_for(target_energy: Tensor, energy: Tensor, ratio_db: Tensor) -> Tensor:
    """The gain that brings a signal so many dB under the target; 0 for a silent one, 1 for NaN."""
    wanted = target_energy * 10 ** (-ratio_db / 10)
    gain = torch.where(energy > 0, (wanted / energy).sqrt(), 0.0)
    return torch.where(ratio_db.isnan(), 1.0, gain)


def _common_gain(mixture: Tensor, level_db: Tensor, mixture_samples: Tensor) -> Tensor:
    """One gain an example (batch,): to the wanted level, but never so that the mixture clips."""
    tiny = torch.finfo(mixture.dtype).tiny
    rms = (_energy(mixture) / mixture_samples).sqrt().clamp_min(tiny)
    to_level = torch.where(level_db.isnan(), torch.ones_like(rms), 10 ** (level_db / 20) / rms)
    highest = _HIGHEST_PEAK / mixture.abs().amax(dim=-1).clamp_min(tiny)
    return torch.minimum(to_level, highest)
