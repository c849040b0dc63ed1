"""Room responses with images of the source at random places; batched, on any device.

Luo & Gu, "Fast random approximation of multi-channel room impulse response" (2022), for one
microphone: the distance of each image is drawn, its loss follows from the number of reflections on
the way, and its delay is finer than a sample. What differs from the paper, and why:

* As many images as there are in a room of that size: of those in a sphere there is one for each of
  the room's volumes that it holds, and the source is the first. In the paper the number is drawn
  and grows with the square of the distance. Where they become denser than `_MAX_PER_SECOND`, fewer
  and louder ones stand for them, with the same energy; so the direct-to-reverberant ratio is that
  of the room.
* A reflection costs what makes 60 dB in RT60 (Eyring's absorption); the paper's law, which takes 60
  dB from the amplitude after spreading, gives other decays than it is asked for.
* The number of reflections is the mean for the distance, and up to one more or less.
* The direct path has amplitude 1 and stands on a whole sample, and the high-pass filter leaves it
  alone: then a dry target is exactly what is in the mixture.
* The paper adds up at 64 times the rate and filters; here the filter is computed where images are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from wesep_like.audio import to_samples
from wesep_like.data.rooms.acoustics import SPEED_OF_SOUND
from wesep_like.data.rooms.counted import uniform

# Velvet noise is smooth from about 2000 pulses a second on (Valimaki et al. 2013).
_MAX_PER_SECOND = 4000.0
_MAX_PER_METRE = _MAX_PER_SECOND / SPEED_OF_SOUND
_SPHERE = 4 * math.pi / 3
_MORE_OR_LESS = 1.0  # reflections
_HIGH_PASS_HZ = 80.0  # of second order, as in the paper: images of one sign add up to a constant
_HIGH_PASS_SECONDS = 0.02  # by then it has forgotten (60 dB)
_PHASES = 64  # of a sample
_FILTER_TAPS = 16
DIRECT_TAP = _FILTER_TAPS // 2 - 1
"""Where the direct path is in each response."""
_PLACE, _REFLECTIONS = range(2)  # what is random in an image


@dataclass(frozen=True)
class RandomRooms:
    """Rooms and distances in them, as tensors.

    Args:
        size_m: (rooms, 3) float64.
        rt60_seconds: (rooms,) float64.
        distance_m: (rooms, sources) float64, from the microphone.
        seed: (rooms,) int64, from 0 to 2^32.
        num_images: Enough for each source.
        num_taps: Enough for the longest reverberation.
    """

    size_m: Tensor
    rt60_seconds: Tensor
    distance_m: Tensor
    seed: Tensor
    num_images: int
    num_taps: int


def gather_rooms(
    size_m: Sequence[Sequence[float]],
    rt60_seconds: Sequence[float],
    distance_m: Sequence[Sequence[float]],
    seed: Sequence[int],
    sample_rate: int,
) -> RandomRooms:
    """The rooms as tensors, an entry a room; where there are fewer sources, more stand 1 m off."""
    num_sources = max(len(distances) for distances in distance_m)
    padded = [[*distances, *[1.0] * (num_sources - len(distances))] for distances in distance_m]
    size, rt60, distance = (
        torch.tensor(values, dtype=torch.float64) for values in (size_m, rt60_seconds, padded)
    )
    num_images = round(_ImageLaw.of(size, rt60, distance).count.max().item())
    num_taps = math.ceil(max(rt60_seconds) * sample_rate) + _FILTER_TAPS
    return RandomRooms(size, rt60, distance, torch.tensor(seed), num_images, num_taps)


@dataclass(frozen=True)
class _ImageLaw:
    """How many images there are up to a distance; each (rooms, sources or 1, 1).

    Args:
        volume: Of the room, in cubic metres.
        dense: The distance from which on they come evenly, in metres.
        count: How many there are until the reverberation ends, the source not among them.
        first: How many room volumes are within the radius in which there is no image.
    """

    volume: Tensor
    dense: Tensor
    count: Tensor
    first: Tensor

    @classmethod
    def of(cls, size: Tensor, rt60: Tensor, distance: Tensor) -> _ImageLaw:
        """The law for rooms (rooms, 3) with RT60 (rooms,) and sources in them (rooms, sources)."""
        volume, distance = size.prod(dim=-1)[:, None, None], distance[..., None]
        dense = (_MAX_PER_METRE * volume / (4 * math.pi)).sqrt().maximum(distance)
        first = (_SPHERE * distance**3 / volume).clamp_min(1)
        farthest = distance + SPEED_OF_SOUND * rt60[:, None, None]
        inside, shell = farthest.minimum(dense), (farthest - dense).clamp_min(0)
        volumes = _SPHERE * (inside**3 + 3 * dense**2 * shell) / volume
        return cls(volume, dense, (volumes - first).clamp_min(0), first)

    def radius(self, place: Tensor) -> Tensor:
        """The distance of an image whose place among all, near to far, is between 0 and 1."""
        cubed = (self.first + self.count * place) * self.volume / _SPHERE
        shell = (cubed - self.dense**3) / (3 * self.dense**2)
        return torch.where(shell > 0, self.dense + shell, cubed ** (1 / 3))


def random_responses(rooms: RandomRooms, sample_rate: int) -> Tensor:
    """(rooms, sources, taps) float32: 1 at `DIRECT_TAP`, then what the room adds, up to its RT60.

    A room's responses depend neither on the others nor on the device.
    """
    delays, amplitudes = _images(rooms, sample_rate)
    responses = _without_lows(_placed(delays, amplitudes, rooms.num_taps), sample_rate)
    responses[..., DIRECT_TAP] += 1
    taps = torch.arange(rooms.num_taps, device=responses.device)
    return responses * (taps < rooms.rt60_seconds[:, None, None] * sample_rate + _FILTER_TAPS)


def _images(rooms: RandomRooms, sample_rate: int) -> tuple[Tensor, Tensor]:
    """Samples after the direct path, and amplitude over its own: (rooms, sources, images) each.

    Where there are fewer, the rest have amplitude 0.
    """
    distance, rt60 = rooms.distance_m[..., None], rooms.rt60_seconds[:, None, None]
    free_path = 2 / rooms.size_m.reciprocal().sum(dim=-1)[:, None, None]  # 4 volumes by surface
    law = _ImageLaw.of(rooms.size_m, rooms.rt60_seconds, rooms.distance_m)
    numbers = torch.arange(rooms.num_images, device=distance.device)
    sources = torch.arange(distance.shape[1], device=distance.device)[:, None]
    seed = rooms.seed[:, None, None]

    # Each anywhere among all: one in each of equal shares would leave out low frequencies.
    radius = law.radius(uniform(seed, _PLACE, sources, numbers))
    loss = 3 * math.log(10) / (SPEED_OF_SOUND * rt60)  # of ln amplitude, per metre
    spread = loss * free_path * _MORE_OR_LESS
    more_or_less = spread * (2 * uniform(seed, _REFLECTIONS, sources, numbers) - 1)
    mean_gain = ((2 * spread).sinh() / (2 * spread)).sqrt()
    amplitudes = distance / (radius.minimum(law.dense) * mean_gain)
    amplitudes = amplitudes * (-loss * radius - more_or_less).exp()
    delays = (radius - distance) * (sample_rate / SPEED_OF_SOUND)
    return delays, amplitudes * (numbers < law.count.round())


def _placed(delays: Tensor, amplitudes: Tensor, num_taps: int) -> Tensor:
    """(..., images) -> (..., taps): each at its delay after `DIRECT_TAP`, between samples too."""
    rows, device = delays.shape[:-1], delays.device
    steps = (delays * _PHASES).round().int().flatten()
    filters = _filters(device).index_select(0, steps % _PHASES)
    filters = filters * amplitudes.float().flatten()[:, None]
    starts = torch.arange(rows.numel(), dtype=torch.int32, device=device) * num_taps
    starts = starts.repeat_interleave(delays.shape[-1]) + steps // _PHASES
    places = starts[:, None] + torch.arange(_FILTER_TAPS, dtype=torch.int32, device=device)
    placed = torch.zeros(rows.numel() * num_taps, device=device)
    return placed.index_add_(0, places.flatten(), filters.flatten()).view(*rows, num_taps)


@lru_cache(maxsize=8)
def _filters(device: torch.device) -> Tensor:
    """(phases, taps): an impulse so far after tap `DIRECT_TAP`, band-limited."""
    phases = torch.arange(_PHASES, dtype=torch.float64)[:, None] / _PHASES
    times = torch.arange(_FILTER_TAPS) - DIRECT_TAP - phases
    window = (math.pi * times / _FILTER_TAPS).cos().square()
    return (torch.sinc(times) * window).float().to(device)


def _without_lows(responses: Tensor, sample_rate: int) -> Tensor:
    num_taps = responses.shape[-1]
    size = 1 << (num_taps + to_samples(_HIGH_PASS_SECONDS, sample_rate) - 1).bit_length()
    spectrum = torch.fft.rfft(responses, size) * _high_pass(size, sample_rate, responses.device)
    return torch.fft.irfft(spectrum, size)[..., :num_taps]


@lru_cache(maxsize=8)
def _high_pass(size: int, sample_rate: int, device: torch.device) -> Tensor:
    """Frequency response (size // 2 + 1,) of a Butterworth filter of second order."""
    edge = math.tan(math.pi * _HIGH_PASS_HZ / sample_rate)
    back = torch.polar(
        torch.ones(size // 2 + 1, dtype=torch.float64),
        torch.linspace(0, -math.pi, size // 2 + 1, dtype=torch.float64),
    )
    poles = (
        (1 + math.sqrt(2) * edge + edge**2)
        + 2 * (edge**2 - 1) * back
        + (1 - math.sqrt(2) * edge + edge**2) * back**2
    )
    return ((1 - back) ** 2 / poles).to(torch.complex64).to(device)
