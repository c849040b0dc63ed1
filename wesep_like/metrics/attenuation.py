"""How much quieter an output is than the mixture, where nothing should be heard."""

from __future__ import annotations

import torch
from torch import Tensor

from wesep_like.errors import SilentSignalError
from wesep_like.metrics.pairs import check_same_shape

_HIGHEST_DB = 100.0


def attenuation(estimate: Tensor, mixture: Tensor) -> Tensor:
    """Energy of the mixture over energy of the estimate, in dB; larger is better, 100 at most.

    For mixtures in which the enrolled speaker does not speak: there is no target to compare with.

    Args:
        estimate: What a model returned, (*batch, samples).
        mixture: What it heard, (*batch, samples); not silent.

    Returns:
        One value a signal, (*batch,).

    Raises:
        ShapeError: If the shapes differ.
        SilentSignalError: If a mixture is silent.
    """
    check_same_shape(estimate, mixture)
    energy = mixture.float().square().sum(-1)
    if not bool((energy > 0).all()):
        raise SilentSignalError("mixture: the signal is silent. Nothing can be quieter")
    share = estimate.float().square().sum(-1) / energy
    return -10 * torch.log10(share.clamp_min(10 ** (-_HIGHEST_DB / 10)))
