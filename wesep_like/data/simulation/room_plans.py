"""Plans of rooms that are simulated."""

from __future__ import annotations

import math
from dataclasses import dataclass

ROOM_KINDS = ("random", "image")


@dataclass(frozen=True)
class SimulatedRoom:
    """A box-shaped room; one corner is 0, 0, 0.

    Args:
        kind: "random", as in `rooms.random_responses`, or "image", as in `rooms.image_responses`.
        size_m: Length, width and height.
        rt60_seconds: Reverberation time.
        microphone_m: Its place.
        sources_m: The places of the target and the interferers.
        seed: Of what is random in a room of kind "random"; from 0 to 2^32.
    """

    kind: str
    size_m: tuple[float, ...]
    rt60_seconds: float
    microphone_m: tuple[float, ...]
    sources_m: tuple[tuple[float, ...], ...]
    seed: int

    def __post_init__(self) -> None:
        if self.kind not in ROOM_KINDS:
            raise ValueError(
                f"room.kind: expected one of {', '.join(ROOM_KINDS)}, got {self.kind!r}"
            )
        if self.rt60_seconds <= 0:
            raise ValueError(f"room.rt60_seconds: expected more than 0, got {self.rt60_seconds}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"room.seed: expected 0 to {2**32 - 1}, got {self.seed}")
        for place in (self.microphone_m, *self.sources_m):
            lengths = {len(self.size_m), len(place)}
            if lengths != {3} or any(
                not 0 < at < side for at, side in zip(place, self.size_m, strict=True)
            ):
                raise ValueError(
                    f"room: expected places inside {list(self.size_m)} m, got {list(place)}"
                )

    @property
    def distances_m(self) -> tuple[float, ...]:
        """From the microphone to each source."""
        return tuple(math.dist(self.microphone_m, source) for source in self.sources_m)
