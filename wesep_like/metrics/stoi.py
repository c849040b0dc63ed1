"""Intelligibility of speech."""

from __future__ import annotations

import warnings

import numpy as np
from torch import Tensor

from wesep_like.errors import AudioError
from wesep_like.metrics.pairs import as_signals


def stoi(
    estimate: np.ndarray | Tensor,
    target: np.ndarray | Tensor,
    sample_rate: int,
    *,
    extended: bool = False,
) -> float:
    """Short-time objective intelligibility: about 0 (nothing is understood) to 1 (everything).

    Args:
        estimate: (samples,).
        target: (samples,).
        sample_rate: Of both, in Hz.
        extended: ESTOI, which also tells apart noises that come and go.

    Raises:
        ShapeError: If the two are not of one shape (samples,).
        AudioError: If less than 0.4 s of the target is louder than its pauses: no value then.

    Source:
        Taal et al., IEEE TASLP 2011; ESTOI: Jensen and Taal, IEEE/ACM TASLP 2016; by `pystoi`.
    """
    import pystoi

    estimate, target = as_signals(estimate, target)
    too_short = AudioError(
        f"STOI: of {len(target) / sample_rate:.3f} s too little is speech. It needs 0.4 s that are "
        "within 40 dB of the loudest. Leave this one out."
    )
    if len(target) < 0.4 * sample_rate or not target.any():
        raise too_short
    # pystoi adds a rounding error's worth of noise from NumPy's global generator. Pinned and put
    # back, it gives the same digits each time and nobody else's numbers change.
    state = np.random.get_state()
    np.random.seed(0)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Not enough STFT frames", RuntimeWarning)
            return float(pystoi.stoi(target, estimate, sample_rate, extended=extended))
    except RuntimeWarning:
        raise too_short from None
    finally:
        np.random.set_state(state)
