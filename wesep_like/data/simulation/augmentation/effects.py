"""Effects on a batch of voices: batched, on whichever device, random in nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from wesep_like.audio.levels import power
from wesep_like.data.simulation.augmentation.filters import Filters
from wesep_like.data.simulation.augmentation.plans import CODECS, EffectsPlan

_MU, _A = 255.0, 87.6  # of ITU-T G.711
_STEPS = 127  # on either side of 0, in 8 bits


@dataclass(frozen=True)
class Swings:
    """Slow gains.

    Args:
        rows: (swings,) int, which signals they are for.
        depth_db: (swings,).
        cycles: (swings,), cycles a sample.
        phase: (swings,), cycles at the first sample.
    """

    rows: Tensor
    depth_db: Tensor
    cycles: Tensor
    phase: Tensor

    @staticmethod
    def of(plans: Sequence[EffectsPlan | None], sample_rate: int) -> Swings | None:
        """Those that a row of plans asks for; None if none does."""
        asked = [(row, plan.gain) for row, plan in enumerate(plans) if plan and plan.gain]
        if not asked:
            return None
        return Swings(
            rows=torch.tensor([row for row, _ in asked]),
            depth_db=torch.tensor([gain.depth_db for _, gain in asked]),
            cycles=torch.tensor([1 / (gain.period_seconds * sample_rate) for _, gain in asked]),
            phase=torch.tensor([gain.phase for _, gain in asked]),
        )

    def changed(self, signals: Tensor) -> Tensor:
        """What they make of signals (swings, samples)."""
        samples = torch.arange(signals.shape[-1], device=signals.device)
        cycles = samples * self.cycles[:, None] + self.phase[:, None]
        gain_db = self.depth_db[:, None] * torch.sin(2 * math.pi * cycles)
        return signals * (gain_db * (math.log(10) / 20)).exp()  # faster than a power


@dataclass(frozen=True)
class Clippings:
    """Recordings that were too loud.

    Args:
        rows: (clippings,) int, which signals they are for.
        num_clipped: (clippings,) int, how many samples of each are clipped.
        most: The largest of these numbers.
    """

    rows: Tensor
    num_clipped: Tensor
    most: int

    @staticmethod
    def of(plans: Sequence[EffectsPlan | None], signals: Tensor) -> Clippings | None:
        """Those that a row of plans asks for, of signals (plans, samples); None if none does."""
        asked = [(row, p.clipped_share) for row, p in enumerate(plans) if p and p.clipped_share]
        if not asked:
            return None
        counts = [int(share * int(signals[row].count_nonzero())) for row, share in asked]
        return Clippings(torch.tensor([row for row, _ in asked]), torch.tensor(counts), max(counts))

    def changed(self, signals: Tensor) -> Tensor:
        """What they make of signals (clippings, samples)."""
        loudest = signals.abs().topk(self.most + 1).values
        limit = loudest.gather(-1, self.num_clipped[:, None])
        return signals.clamp(-limit, limit)


@dataclass(frozen=True)
class Codecs:
    """Codecs of 8 bits a sample; a signal's peak is their full scale, and zero stays zero.

    Args:
        rows: (codecs,) int, which signals they are for.
        codec: (codecs,) int, places in `CODECS`.

    Source:
        The curves of ITU-T G.711, in floating point and at the signal's own sample rate.
    """

    rows: Tensor
    codec: Tensor

    @staticmethod
    def of(plans: Sequence[EffectsPlan | None]) -> Codecs | None:
        """Those that a row of plans asks for; None if none does."""
        asked = [(row, plan.codec) for row, plan in enumerate(plans) if plan and plan.codec]
        if not asked:
            return None
        return Codecs(
            torch.tensor([row for row, _ in asked]),
            torch.tensor([CODECS.index(codec) for _, codec in asked]),
        )

    def changed(self, signals: Tensor) -> Tensor:
        """What they make of signals (codecs, samples)."""
        peak = signals.abs().amax(dim=-1, keepdim=True)
        size = signals.abs() / peak.clamp_min(torch.finfo(signals.dtype).tiny)
        is_mu_law = (self.codec == CODECS.index("mu_law"))[:, None]
        coded = torch.where(is_mu_law, _mu_law(size), _a_law(size))
        coded = (coded * _STEPS).round() / _STEPS
        decoded = torch.where(is_mu_law, _inverse_mu_law(coded), _inverse_a_law(coded))
        return signals.sign() * decoded * peak


class _Effect(Protocol):
    @property
    def rows(self) -> Tensor: ...

    def changed(self, signals: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Effects:
    """All effects on the signals of a batch, which are counted through: (batch * voices)."""

    filters: Filters | None
    swings: Swings | None
    clippings: Clippings | None
    codecs: Codecs | None

    @staticmethod
    def of(
        plans: Sequence[EffectsPlan | None], signals: Tensor, sample_rate: int
    ) -> Effects | None:
        """What a row of plans asks for.

        Args:
            plans: One a signal.
            signals: (plans, samples), for which they are.
            sample_rate: Hz.

        Returns:
            None if no plan asks for anything.
        """
        effects = Effects(
            Filters.of(plans, sample_rate),
            Swings.of(plans, sample_rate),
            Clippings.of(plans, signals),
            Codecs.of(plans),
        )
        return None if effects == Effects(None, None, None, None) else effects

    def on(self, signals: Tensor, is_inside: Tensor) -> Tensor:
        """The signals (rows, samples) with all effects, each as powerful as it was.

        Args:
            signals: Those without an effect stay as they are, to the bit.
            is_inside: (rows, samples) bool, whether a sample is none of padding.
        """
        changed = signals
        effects: list[_Effect | None] = [self.filters, self.swings, self.clippings, self.codecs]
        for effect in effects:
            if effect is not None:
                rows = effect.rows
                heard = effect.changed(changed[rows]) * is_inside[rows]
                changed = changed.index_copy(0, rows, heard)
        return as_powerful(changed, signals)


def as_powerful(changed: Tensor, signals: Tensor) -> Tensor:
    """`changed` (rows, samples), made as loud as `signals`; to the bit where they are equal."""
    before, after = power(signals), power(changed)
    factor = torch.where(after > 0, (before / after).sqrt(), 0.0)
    return changed * factor[:, None]


def _mu_law(size: Tensor) -> Tensor:
    return torch.log1p(_MU * size) / math.log1p(_MU)


def _inverse_mu_law(coded: Tensor) -> Tensor:
    return torch.expm1(coded * math.log1p(_MU)) / _MU


def _a_law(size: Tensor) -> Tensor:
    scale = 1 + math.log(_A)
    logarithmic = (1 + (_A * size).clamp_min(1.0).log()) / scale
    return torch.where(size < 1 / _A, _A * size / scale, logarithmic)


def _inverse_a_law(coded: Tensor) -> Tensor:
    scale = 1 + math.log(_A)
    exponential = torch.exp(coded * scale - 1) / _A
    return torch.where(coded < 1 / scale, coded * scale / _A, exponential)
