"""Compute the examples that plans decided: batched, on whichever device the clips are.

Random in nothing, and changes none of its inputs.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from wesep_like.data.batch import Batch
from wesep_like.data.simulation.clips import Clips
from wesep_like.data.simulation.loudness import loudness_gains
from wesep_like.data.simulation.reverberation import in_room

_HIGHEST_PEAK = 0.99
_HIGHEST_PEAK_OF_LIBRIMIX = 0.9  # where levels are planned as there, by loudness


def render(clips: Clips) -> Batch:
    """Mix: effects on voices, room, then levels (SIR and SNR, or loudness), one common gain.

    Levels are of what is heard: powers of the signals after the room, over all samples of the
    mixture; SIR and SNR are both relative to the target, or, where it is absent, to the first
    interferer. A silent interferer or noise is left out; a silent target leaves silence. A recorded
    mixture keeps its levels.
    """
    num_samples = clips.sources.shape[-1]
    is_inside = (
        torch.arange(num_samples, device=clips.sources.device) < clips.mixture_samples[:, None]
    )
    clips = _with_effects(clips, is_inside)
    heard, target = in_room(clips)
    heard, target = heard * is_inside[:, None], target * is_inside

    voice, others = heard[:, 0], heard[:, 1:]
    power = _energy(voice)
    if others.shape[1] > 0:
        power = torch.where(clips.has_target, power, _energy(others[:, 0]))
    other_gains = _gain_for(power[:, None], _energy(others), clips.sir_db[:, 1:])
    noise_gain = _gain_for(power, _energy(clips.noise), clips.snr_db)
    highest_peak: float | Tensor = _HIGHEST_PEAK
    if clips.loudness is not None:
        planned = clips.loudness
        gains, noise_gain = loudness_gains(clips, heard, planned, other_gains, noise_gain)
        voice, target, other_gains = voice * gains[:, :1], target * gains[:, :1], gains[:, 1:]
        is_planned = ~planned.sources[:, 0].isnan()
        highest_peak = torch.where(is_planned, _HIGHEST_PEAK_OF_LIBRIMIX, _HIGHEST_PEAK)
    others = others * other_gains[..., None]
    noise = clips.noise * noise_gain[:, None]
    mixture = voice + others.sum(dim=1) + noise

    gain = _common_gain(mixture, clips.level_db, clips.mixture_samples, highest_peak)[:, None]
    return Batch(
        ids=clips.ids,
        mixture=mixture * gain,
        target=target * gain,
        mixture_samples=clips.mixture_samples,
        enrollment=clips.enrollments.heard(),
        enrollment_samples=clips.enrollments.num_samples,
        enrollment_keys=clips.enrollments.keys,
        speakers=clips.speakers,
        interferers=others * gain[:, None],
        noise=noise * gain,
        has_target=clips.has_target,
        enrollment_masks=clips.enrollments.masks,
    )


def _with_effects(clips: Clips, is_inside: Tensor) -> Clips:
    """The clips with the effects on their sources."""
    if clips.effects is None:
        return clips
    is_source = is_inside[:, None].expand(clips.sources.shape)
    heard = clips.effects.on(clips.sources.flatten(0, 1), is_source.flatten(0, 1))
    return replace(clips, sources=heard.view_as(clips.sources))


def _energy(signals: Tensor) -> Tensor:
    return signals.square().sum(dim=-1)


def _gain_for(target_energy: Tensor, energy: Tensor, ratio_db: Tensor) -> Tensor:
    """The gain that brings a signal so many dB under the target; 0 for a silent one, 1 for NaN."""
    wanted = target_energy * 10 ** (-ratio_db / 10)
    gain = torch.where(energy > 0, (wanted / energy).sqrt(), 0.0)
    return torch.where(ratio_db.isnan(), 1.0, gain)


def _common_gain(
    mixture: Tensor, level_db: Tensor, mixture_samples: Tensor, highest_peak: float | Tensor
) -> Tensor:
    """One gain an example (batch,): to the wanted level, but never so that the mixture clips."""
    tiny = torch.finfo(mixture.dtype).tiny
    rms = (_energy(mixture) / mixture_samples).sqrt().clamp_min(tiny)
    to_level = torch.where(level_db.isnan(), torch.ones_like(rms), 10 ** (level_db / 20) / rms)
    highest = highest_peak / mixture.abs().amax(dim=-1).clamp_min(tiny)
    return torch.minimum(to_level, highest)
