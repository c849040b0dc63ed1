"""Long audio through a model in overlapping chunks, with memory for one chunk."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def overlap_add(
    function: Callable[[Tensor], Tensor],
    samples: Tensor,
    chunk_samples: int,
    overlap_samples: int,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """`function` of the whole signal, computed chunk by chunk and cross-faded.

    The fade is linear: neighbouring chunks are two estimates of the same voice, so they add up in
    amplitude, not in power. What does not depend on context comes out unchanged.

    Args:
        function: From (n,) to (n,), for any n above `overlap_samples`; called with the whole signal
            if that fits into one chunk.
        samples: (samples,), on any device; only one chunk at a time is given to `function`.
        chunk_samples: Length of a chunk; the last one is shorter, but longer than the overlap.
        overlap_samples: How much of a chunk is shared with the one before; less than half a chunk.
        progress: Told (samples done, all samples) after every chunk.

    Returns:
        (samples,), on the device of `samples`.
    """
    assert 0 < 2 * overlap_samples < chunk_samples
    total = samples.shape[-1]
    report = progress or (lambda done, total: None)
    if total <= chunk_samples:
        estimate = function(samples).to(samples.device)
        report(total, total)
        return estimate

    fade_in = torch.linspace(0, 1, overlap_samples + 2, device=samples.device)[1:-1]
    estimate = torch.zeros_like(samples)
    hop_samples = chunk_samples - overlap_samples
    for start in range(0, total - overlap_samples, hop_samples):
        end = min(start + chunk_samples, total)
        piece = function(samples[start:end]).to(samples.device)
        fade = torch.ones_like(piece)
        if start > 0:
            fade[:overlap_samples] = fade_in
        if end < total:
            fade[-overlap_samples:] = 1 - fade_in
        estimate[start:end] += fade * piece
        report(end, total)
    return estimate
