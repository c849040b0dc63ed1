"""What a room makes of a source, as samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Response:
    """From one place in a room to its microphone.

    Args:
        taps: (taps,) float32.
        direct: Where the direct path arrives, in taps.
    """

    taps: np.ndarray
    direct: int
