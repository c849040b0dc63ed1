"""Levels of voices and noise by their loudness, as LibriMix sets them."""

from __future__ import annotations

import torch
from torch import Tensor

from wesep_like.audio.loudness import integrated_loudness
from wesep_like.data.simulation.clips import Clips, PlannedLoudness


def loudness_gains(
    clips: Clips, heard: Tensor, planned: PlannedLoudness, other_gains: Tensor, noise_gain: Tensor
) -> tuple[Tensor, Tensor]:
    """Gains of the sources (batch, sources) and of the noise (batch,).

    What is silent is left out. Where no loudness is planned, the given gains stay.

    Args:
        clips: The batch.
        heard: Its sources as heard, (batch, sources, samples).
        planned: The loudness that they are to have.
        other_gains: Of all sources but the first, by ratios of power.
        noise_gain: Likewise.
    """
    signals = torch.cat([heard, clips.noise[:, None]], dim=1)
    wanted = torch.cat([planned.sources, planned.noise[:, None]], dim=1)
    by_power = torch.cat([torch.ones_like(noise_gain)[:, None], other_gains], dim=1)
    by_power = torch.cat([by_power, noise_gain[:, None]], dim=1)
    measured = integrated_loudness(signals, clips.sample_rate, clips.mixture_samples[:, None])
    gains = torch.where(measured.isfinite(), 10 ** ((wanted - measured) / 20), 0.0)
    gains = torch.where(wanted.isnan(), by_power, gains)
    return gains[:, :-1], gains[:, -1]
