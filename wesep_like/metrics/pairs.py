"""Two signals that are compared sample by sample."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from wesep_like.errors import ShapeError


def check_same_shape(estimate: np.ndarray | Tensor, target: np.ndarray | Tensor) -> None:
    """Passes if the two can be compared sample by sample.

    Raises:
        ShapeError: If the shapes differ, or there are no samples; nothing is trimmed.
    """
    if estimate.shape != target.shape:
        raise ShapeError(
            f"estimate: shape {tuple(estimate.shape)} is not target's {tuple(target.shape)}. "
            "Nothing is trimmed: give both one shape."
        )
    if target.ndim == 0 or target.shape[-1] == 0:
        raise ShapeError(f"target: shape {tuple(target.shape)} has no samples. Give some.")


def as_signals(
    estimate: np.ndarray | Tensor, target: np.ndarray | Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Both as double precision arrays, (samples,) each.

    Raises:
        ShapeError: If the two are not of one shape (samples,).
    """
    check_same_shape(estimate, target)
    if target.ndim != 1:
        raise ShapeError(f"target: shape {tuple(target.shape)}. Give single signals, (samples,).")
    return as_array(estimate), as_array(target)


def as_array(signal: np.ndarray | Tensor) -> np.ndarray:
    """A signal as a double precision array."""
    if isinstance(signal, Tensor):
        signal = signal.detach().cpu().numpy()
    return np.asarray(signal, dtype=np.float64)
