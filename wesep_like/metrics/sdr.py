"""Signal-to-distortion ratios of waveforms, in dB."""

from __future__ import annotations

import fast_bss_eval
import torch
from torch import Tensor

from wesep_like.errors import ShapeError, SilentSignalError
from wesep_like.metrics.pairs import check_same_shape

_STILL = 1e-8  # full scale is 1; a signal that moves by less, far below 24 bits, is silent


def si_sdr(estimate: Tensor, target: Tensor, *, zero_mean: bool = True) -> Tensor:
    """Scale-invariant signal-to-distortion ratio, in dB; larger is better.

    Args:
        estimate: What a model returned, (*batch, samples).
        target: What it should have been, (*batch, samples); not silent.
        zero_mean: Remove each signal's mean first.

    Returns:
        One value a signal, (*batch,); differentiable. A perfect estimate gives a large finite
        number, not infinity; a silent one a large negative number.

    Raises:
        ShapeError: If the shapes differ; nothing is trimmed.
        SilentSignalError: If a target is silent; names its place in the batch.

    Source:
        Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019, eq. 4-5. The reference code
        of LibriMix results uses zero_mean=True.
    """
    _check_signals(estimate, target)
    signal, distortion = scale_invariant_energies(estimate, target, zero_mean=zero_mean)
    # Both are shares of the estimate's energy, so the floor is relative: it moves with no gain.
    floor = torch.finfo(signal.dtype).eps ** 2
    return 10 * torch.log10(signal / (distortion + floor) + floor)


def scale_invariant_energies(
    estimate: Tensor, target: Tensor, *, zero_mean: bool = True
) -> tuple[Tensor, Tensor]:
    """What of the estimate lies along the target, and what does not: shares of its energy.

    Both signals are brought to unit energy first, which SI-SDR does not notice and which makes
    numbers and gradients as good for a whisper as for a shout. Silence stays silence: of a silent
    estimate both shares are 0, of a silent target the first is.

    Args:
        estimate: (*batch, samples).
        target: (*batch, samples).
        zero_mean: Remove each signal's mean first.

    Returns:
        Signal and distortion, each (*batch,), from 0 to 1; at least in single precision.
    """
    estimate = _unit_energy(estimate, zero_mean)
    target = _unit_energy(target, zero_mean)
    projection = (estimate * target).sum(-1, keepdim=True)
    distortion = (estimate - projection * target).square().sum(-1)
    return projection.squeeze(-1).square(), distortion


def sdr(estimate: Tensor, target: Tensor, *, filter_length: int = 512) -> Tensor:
    """Signal-to-distortion ratio of BSS Eval version 3, in dB; larger is better.

    Whatever a short filter can make of the target counts as signal, so a slightly coloured or
    delayed estimate is not punished as SI-SDR would.

    Args:
        estimate: (*batch, samples).
        target: (*batch, samples); not silent.
        filter_length: Taps of the distortion filter that is forgiven.

    Returns:
        One value a signal, (*batch,), in double precision; a silent estimate gives -100 dB.

    Raises:
        ShapeError: If the shapes differ, or the signals are shorter than the filter.
        SilentSignalError: If a target is silent; names its place in the batch.

    Source:
        Vincent et al., "Performance measurement in blind audio source separation", IEEE TASLP 2006;
        computed by fast_bss_eval (Scheibler, 2022).
    """
    _check_signals(estimate, target)
    if target.shape[-1] < filter_length:
        raise ShapeError(
            f"target: {target.shape[-1]} samples are fewer than the filter's {filter_length} taps. "
            "Score longer signals."
        )
    batch = target.shape[:-1]
    # One channel a call, so no permutation is searched; double, as the Toeplitz system is stiff.
    values = fast_bss_eval.sdr(
        target.reshape(-1, 1, target.shape[-1]).double(),
        estimate.reshape(-1, 1, estimate.shape[-1]).double(),
        filter_length=filter_length,
        clamp_db=100.0,
        return_perm=False,
    )
    return values.reshape(batch)


def _check_signals(estimate: Tensor, target: Tensor) -> None:
    check_same_shape(estimate, target)
    silent = _is_silent(target.detach())
    if bool(silent.any()):
        place = silent.nonzero()[0].tolist() if silent.ndim else []
        raise SilentSignalError(
            f"target{place or ''}: the signal is silent ({target.shape[-1]} samples). "
            "A ratio to nothing has no value. Leave it out."
        )


def _is_silent(signal: Tensor) -> Tensor:
    """(*batch, samples) -> (*batch,): it does not move; a constant offset is no sound."""
    return signal.amax(-1) - signal.amin(-1) < _STILL


def _unit_energy(signal: Tensor, zero_mean: bool) -> Tensor:
    if signal.dtype in (torch.float16, torch.bfloat16):
        signal = signal.float()
    if zero_mean:
        signal = signal - signal.mean(-1, keepdim=True)
    norm = torch.linalg.vector_norm(signal, dim=-1, keepdim=True)
    return signal / norm.clamp_min(_STILL / 2)
