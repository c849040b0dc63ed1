"""Frames in chunks that overlap by half, and together again."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import pad


def chunked(frames: Tensor, size: int) -> Tensor:
    """Frames in chunks, with zeros around them so that each frame is in two.

    Args:
        frames: (batch, channels, frames), at least one.
        size: Frames of a chunk, even.

    Returns:
        (batch, channels, size, chunks).
    """
    hop = size // 2
    after = hop + -frames.shape[-1] % hop
    return pad(frames, (hop, after)).unfold(-1, size, hop).transpose(-1, -2)


def overlap_added(chunks: Tensor, num_frames: int) -> Tensor:
    """The sum of the two chunks that each frame is in: what `chunked` was given, twice.

    Args:
        chunks: (batch, channels, size, chunks).
        num_frames: How many there were.

    Returns:
        (batch, channels, num_frames).
    """
    first, second = chunks.chunk(2, dim=2)
    halves = first[..., 1:] + second[..., :-1]  # (batch, channels, size / 2, chunks - 1)
    return halves.transpose(-1, -2).flatten(-2)[..., :num_frames]
