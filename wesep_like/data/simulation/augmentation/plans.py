"""Plans of effects and masks: numbers only, so that rendering has nothing to draw."""

from __future__ import annotations

from dataclasses import dataclass

CODECS = ("mu_law", "a_law")


@dataclass(frozen=True)
class PeakPlan:
    """A peak or a dip in a frequency response.

    Args:
        hz: Its middle.
        gain_db: At its middle.
        width_octaves: Where it has half its gain in dB.
    """

    hz: float
    gain_db: float
    width_octaves: float

    def __post_init__(self) -> None:
        if self.hz <= 0 or self.width_octaves <= 0:
            raise ValueError(
                f"peaks: expected hz and width_octaves above 0, got {self.hz!r} and "
                f"{self.width_octaves!r}"
            )


@dataclass(frozen=True)
class EqualizerPlan:
    """A frequency response; `tilt_db` is dB an octave."""

    tilt_db: float
    peaks: tuple[PeakPlan, ...] = ()


@dataclass(frozen=True)
class BandPlan:
    """What a line carries, in Hz."""

    low_hz: float
    high_hz: float

    def __post_init__(self) -> None:
        if not 0 <= self.low_hz < self.high_hz:
            raise ValueError(
                f"band_limit: expected 0 <= low_hz < high_hz, got {self.low_hz!r} and "
                f"{self.high_hz!r}"
            )


@dataclass(frozen=True)
class GainPlan:
    """A gain of `depth_db` sin(2 pi (seconds / period_seconds + phase)) dB."""

    depth_db: float
    period_seconds: float
    phase: float

    def __post_init__(self) -> None:
        if self.period_seconds <= 0:
            raise ValueError(f"gain: expected period_seconds above 0, got {self.period_seconds!r}")


@dataclass(frozen=True)
class EffectsPlan:
    """What is done to one voice, in this order; its power stays what it was.

    Args:
        clipped_share: How many of the samples that are not zero are clipped.
        codec: One of `CODECS`.
    """

    equalizer: EqualizerPlan | None = None
    band_limit: BandPlan | None = None
    gain: GainPlan | None = None
    clipped_share: float | None = None
    codec: str | None = None

    def __post_init__(self) -> None:
        if self.clipped_share is not None and not 0 <= self.clipped_share < 1:
            raise ValueError(
                f"clipped_share: expected at least 0 and below 1, got {self.clipped_share!r}"
            )
        if self.codec is not None and self.codec not in CODECS:
            raise ValueError(f"codec: expected one of {', '.join(CODECS)}, got {self.codec!r}")


@dataclass(frozen=True)
class MaskPlan:
    """A stretch of frames or bins; both numbers are shares of all."""

    start: float
    width: float

    def __post_init__(self) -> None:
        if self.start < 0 or self.width < 0 or self.start + self.width > 1 + 1e-9:
            raise ValueError(
                f"masks: expected start and width within 0 to 1, got {self.start!r} and "
                f"{self.width!r}"
            )


@dataclass(frozen=True)
class MasksPlan:
    """What of an enrollment's features is not heard in training."""

    time: tuple[MaskPlan, ...] = ()
    frequency: tuple[MaskPlan, ...] = ()
