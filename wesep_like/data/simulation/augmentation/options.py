"""The config sections `augmentation` and `enrollment_augmentation` of `data.train`.

An effect is off while its section is missing; in the section its `probability` must be given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from wesep_like.errors import ConfigError


@dataclass(frozen=True)
class EqualizerOptions:
    """A microphone that is not flat: a tilt, and a few broad peaks and dips.

    Args:
        probability: How often.
        tilt_range_db: dB an octave; positive is brighter.
        num_bands: How many peaks and dips, or the lowest and highest number.
        gain_range_db: Of each, at its middle, which is anywhere from 100 Hz up.
        width_range_octaves: Of each, where it has half its gain in dB.
    """

    probability: float
    tilt_range_db: tuple[float, float] = (-3.0, 3.0)
    num_bands: int | tuple[int, int] = (0, 3)
    gain_range_db: tuple[float, float] = (-9.0, 9.0)
    width_range_octaves: tuple[float, float] = (0.5, 2.0)

    def __post_init__(self) -> None:
        problems = [
            *_probability(self.probability),
            *_range("tilt_range_db", self.tilt_range_db),
            *_range("gain_range_db", self.gain_range_db),
            *_range("width_range_octaves", self.width_range_octaves, above=0.0),
        ]
        low, high = self.band_range
        if not 0 <= low <= high:
            given = self.num_bands if isinstance(self.num_bands, int) else list(self.num_bands)
            problems.append(f"num_bands: expected 0 or more, low <= high, got {given}")
        _raise(problems)

    @property
    def band_range(self) -> tuple[int, int]:
        """Lowest and highest number of bands."""
        number = self.num_bands
        return (number, number) if isinstance(number, int) else number


@dataclass(frozen=True)
class BandLimitOptions:
    """A line that carries some frequencies only.

    Args:
        probability: How often.
        bands_hz: Lowest and highest frequency of each line, one of which is drawn. Those not
            changed are the telephone's, what narrow-band codecs keep at most, and AMR-WB's.
    """

    probability: float
    bands_hz: tuple[tuple[float, float], ...] = ((300.0, 3400.0), (0.0, 4000.0), (50.0, 7000.0))

    def __post_init__(self) -> None:
        problems = _probability(self.probability)
        if not self.bands_hz:
            problems.append("bands_hz: none given. Expected at least one")
        for low, high in self.bands_hz:
            if not 0 <= low < high:
                problems.append(f"bands_hz: expected 0 Hz <= low < high, got {[low, high]}")
        _raise(problems)


@dataclass(frozen=True)
class GainOptions:
    """Somebody who comes nearer and goes away: a gain that swings slowly.

    Args:
        probability: How often.
        depth_range_db: How far it swings to either side.
        period_range_seconds: How long a swing there and back takes.
    """

    probability: float
    depth_range_db: tuple[float, float] = (1.0, 6.0)
    period_range_seconds: tuple[float, float] = (2.0, 10.0)

    def __post_init__(self) -> None:
        _raise(
            [
                *_probability(self.probability),
                *_range("depth_range_db", self.depth_range_db, least=0.0),
                *_range("period_range_seconds", self.period_range_seconds, above=0.0),
            ]
        )


@dataclass(frozen=True)
class ClippingOptions:
    """A recording that was too loud.

    Args:
        probability: How often.
        share_range: How many of its samples are clipped.
    """

    probability: float
    share_range: tuple[float, float] = (0.001, 0.05)

    def __post_init__(self) -> None:
        problems = [
            *_probability(self.probability),
            *_range("share_range", self.share_range, least=0.0),
        ]
        if self.share_range[1] > 0.5:
            problems.append(f"share_range: expected at most 0.5, got {list(self.share_range)}")
        _raise(problems)


@dataclass(frozen=True)
class CodecOptions:
    """A codec of 8 bits a sample, of the two of telephony (ITU-T G.711).

    Args:
        probability: How often.
        names: One of these is drawn.
    """

    probability: float
    names: tuple[Literal["mu_law", "a_law"], ...] = ("mu_law", "a_law")

    def __post_init__(self) -> None:
        problems = _probability(self.probability)
        if not self.names:
            problems.append("names: none given. Expected mu_law, a_law or both")
        _raise(problems)


@dataclass(frozen=True)
class AugmentationOptions:
    """Effects on a voice, in the order in which they happen; each voice draws its own."""

    equalizer: EqualizerOptions | None = None
    band_limit: BandLimitOptions | None = None
    gain: GainOptions | None = None
    clipping: ClippingOptions | None = None
    codec: CodecOptions | None = None

    @property
    def is_on(self) -> bool:
        """Whether anything can happen."""
        effects = [getattr(self, one.name) for one in fields(self)]
        return any(effect is not None and effect.probability > 0 for effect in effects)

    def problems_at(self, sample_rate: int) -> list[str]:
        """What is wrong with them at this sample rate, a line each."""
        bands = () if self.band_limit is None else self.band_limit.bands_hz
        return [
            f"band_limit.bands_hz: expected a low below {sample_rate / 2:g} Hz, half of "
            f"sample_rate, got {[low, high]}"
            for low, high in bands
            if low >= sample_rate / 2
        ]


@dataclass(frozen=True)
class EnrollmentNoiseOptions:
    """Noise under the enrollment, of the manifest of noises.

    Args:
        probability: How often.
        snr_range_db: Power of the voice over power of the noise; WeSep's range if not changed.
        snr_ranges_db: Other ranges for noises whose id begins as the key does, as MUSAN's begin
            with `speech`, `music` and `noise`.
    """

    probability: float
    snr_range_db: tuple[float, float] = (0.0, 25.0)
    snr_ranges_db: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = [*_probability(self.probability), *_range("snr_range_db", self.snr_range_db)]
        for beginning, value in self.snr_ranges_db.items():
            where = f"snr_ranges_db.{beginning}"
            is_pair = isinstance(value, list | tuple) and len(value) == 2
            if not is_pair or not all(type(one) in (int, float) for one in value):
                problems.append(f"{where}: expected [number, number], got {value!r}")
            else:
                problems += _range(where, tuple(value))
        _raise(problems)


@dataclass(frozen=True)
class EnrollmentRoomOptions:
    """A room around the enrollment, of those that mixtures are put into.

    Args:
        probability: How often.
    """

    probability: float

    def __post_init__(self) -> None:
        _raise(_probability(self.probability))


@dataclass(frozen=True)
class SpecAugmentOptions:
    """Stretches of the enrollment's features that are not heard; in training only.

    Args:
        probability: How often.
        num_time_masks: How many stretches of frames.
        max_time_share: How much of the frames each hides at most.
        num_frequency_masks: How many stretches of bins.
        max_frequency_share: How much of the bins each hides at most.

    Source:
        Park et al., "SpecAugment", Interspeech 2019, without time warping. One mask each, of up to
        a tenth of the bins, as in WeSep.
    """

    probability: float
    num_time_masks: int = 1
    max_time_share: float = 0.05
    num_frequency_masks: int = 1
    max_frequency_share: float = 0.1

    def __post_init__(self) -> None:
        problems = _probability(self.probability)
        for name in ("num_time_masks", "num_frequency_masks"):
            if getattr(self, name) < 0:
                problems.append(f"{name}: expected 0 or more, got {getattr(self, name)}")
        for name in ("max_time_share", "max_frequency_share"):
            if not 0 < getattr(self, name) < 1:
                problems.append(f"{name}: expected between 0 and 1, got {getattr(self, name)}")
        _raise(problems)


@dataclass(frozen=True)
class EnrollmentAugmentationOptions(AugmentationOptions):
    """What happens to an enrollment: a room, noise, then the effects, then masks on features."""

    room: EnrollmentRoomOptions | None = None
    noise: EnrollmentNoiseOptions | None = None
    spec_augment: SpecAugmentOptions | None = None


def probability_of(section: EnrollmentNoiseOptions | EnrollmentRoomOptions | None) -> float:
    """How often; 0 without a section."""
    return 0.0 if section is None else section.probability


def _probability(value: float) -> list[str]:
    return [] if 0 <= value <= 1 else [f"probability: expected 0 to 1, got {value!r}"]


def _range(
    name: str,
    value: tuple[float, float],
    *,
    above: float | None = None,
    least: float | None = None,
) -> list[str]:
    if value[0] > value[1]:
        return [f"{name}: expected low <= high, got {list(value)}"]
    if above is not None and value[0] <= above:
        return [f"{name}: expected more than {above:g}, got {list(value)}"]
    if least is not None and value[0] < least:
        return [f"{name}: expected {least:g} or more, got {list(value)}"]
    return []


def _raise(problems: Sequence[str]) -> None:
    if problems:
        raise ConfigError(problems)
