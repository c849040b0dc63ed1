"""Extraction while the mixture is still coming in."""

from __future__ import annotations

import numpy as np
import torch

from wesep_like.errors import ShapeError
from wesep_like.models.separators.streams import Stream


class ExtractionStream:
    """The enrolled speaker's voice out of a mixture in pieces.

    Unlike `Extractor.extract` it cannot know how loud the voice is in the mixture as a whole: it
    has the level that the model gives it.

    Args:
        stream: Of the model.
        device: Where it runs.
    """

    def __init__(self, stream: Stream, device: torch.device) -> None:
        self._stream = stream
        self._device = device

    @torch.no_grad()
    def push(self, mixture: np.ndarray) -> np.ndarray:
        """The next samples of the mixture -> those of the voice that are certain by now.

        Args:
            mixture: (samples,), any number of them.

        Returns:
            (samples,), float32; what is missing comes with later pieces.

        Raises:
            ShapeError: If the mixture is not (samples,).
        """
        if mixture.ndim != 1:
            raise ShapeError(f"mixture: expected (samples,), got {mixture.shape}")
        samples = torch.from_numpy(mixture).float().to(self._device)
        return self._stream.push(samples[None])[0].cpu().numpy()

    @torch.no_grad()
    def finish(self) -> np.ndarray:
        """The rest of the voice (samples,); together it is as long as the mixture.

        Raises:
            AudioError: If the mixture was shorter than half a window.
        """
        return self._stream.finish()[0].cpu().numpy()
