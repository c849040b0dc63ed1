"""Sources in a room."""

from __future__ import annotations

import torch
from torch import Tensor

from wesep_like.audio import to_samples
from wesep_like.audio.convolution import convolve
from wesep_like.data.simulation.clips import Clips

EARLY_SECONDS = 0.05  # reflections that help intelligibility; the usual limit (ISO 3382-1's D50)


def in_room(clips: Clips) -> tuple[Tensor, Tensor]:
    """Sources as heard (batch, sources, samples); what of the target is wanted (batch, samples).

    The delay of each direct path (the response's largest sample) is taken out, so that a target is
    where it was.
    """
    if clips.responses is None:
        return clips.sources, clips.sources[:, 0]
    direct = clips.responses.abs().argmax(dim=-1)
    heard = convolve(clips.sources, clips.responses, direct)
    kept = _kept_response(clips, direct[:, :1])
    target = convolve(clips.sources[:, 0], kept, direct[:, 0])
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
