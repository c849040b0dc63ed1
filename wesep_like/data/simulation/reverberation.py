"""Sources in a room."""

from __future__ import annotations

import torch
from torch import Tensor

from wesep_like.audio import to_samples
from wesep_like.audio.convolution import convolve
from wesep_like.data.rooms.random_responses import random_responses
from wesep_like.data.simulation.clips import Clips
from wesep_like.data.simulation.plans import TARGET_KINDS

EARLY_SECONDS = 0.05  # reflections that help intelligibility; the usual limit (ISO 3382-1's D50)


def in_room(clips: Clips) -> tuple[Tensor, Tensor]:
    """Sources as heard (batch, sources, samples); what of the target is wanted (batch, samples).

    The delay of each direct path is taken out, so that a target is where it was.
    """
    responses = _responses(clips)
    if responses is None:
        return clips.sources, clips.sources[:, 0]
    heard = convolve(clips.sources, responses, clips.direct)
    target = _wanted(clips, responses[:, 0], heard[:, 0])
    # An example without a room must not depend on whether another one in its batch has one.
    return (
        torch.where(clips.has_room[..., None], heard, clips.sources),
        torch.where(clips.has_room[:, :1], target, clips.sources[:, 0]),
    )


def _responses(clips: Clips) -> Tensor | None:
    """Those that were read and those that are computed here, (batch, sources, taps)."""
    if clips.random_rooms is None:
        return clips.responses
    computed = random_responses(clips.random_rooms, clips.sample_rate)
    taps = computed.shape[-1]
    if clips.responses is not None:
        taps = max(taps, clips.responses.shape[-1])
    responses = computed.new_zeros(*clips.sources.shape[:2], taps)
    if clips.responses is not None:
        responses[..., : clips.responses.shape[-1]] = clips.responses
    responses[clips.random_rows, : computed.shape[1], : computed.shape[2]] = computed
    return responses


def _wanted(clips: Clips, responses: Tensor, heard: Tensor) -> Tensor:
    """What of the targets' voices is wanted, (batch, samples).

    Args:
        clips: With the voices without a room.
        responses: Of the room, for the targets, (batch, taps).
        heard: Their voices in it, (batch, samples).
    """
    voices, direct = clips.sources[:, 0], clips.direct[:, :1]
    dry = voices * responses.gather(-1, direct)
    early = dry
    if clips.has_early:
        taps = torch.arange(responses.shape[-1], device=direct.device)
        is_early = taps <= direct + to_samples(EARLY_SECONDS, clips.sample_rate)
        early = convolve(voices, responses * is_early, direct[:, 0])
    kind = clips.target_kind[:, None]
    wanted = torch.where(kind == TARGET_KINDS.index("early"), early, dry)
    return torch.where(kind == TARGET_KINDS.index("reverberant"), heard, wanted)
