"""What rooms are simulated: the config section `data.train.simulated_rooms`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from wesep_like.data.rooms.image_responses import MAX_ORDER, absorption, max_order
from wesep_like.errors import ConfigError

_MAX_ABSORPTION = 0.99
_MIN_MARGIN_M = 0.05


@dataclass(frozen=True)
class SimulatedRoomOptions:
    """Box-shaped rooms, each mixture in one of its own, each voice at a place of its own.

    Args:
        kind: "random" approximates responses by images at random places, on the device that trains;
            "image" computes them with pyroomacoustics in the worker processes, a hundred times
            slower.
        size_range_m: Lowest and highest length, width and height.
        rt60_range_seconds: Reverberation time.
        distance_range_m: From the microphone to each voice, as far as the room has such places.
        wall_margin_m: How far from the walls everything is, at least.
        share: How often a mixture that is in a room is in a simulated one, where the section above
            names measured ones too.
    """

    kind: Literal["random", "image"] = "random"
    size_range_m: tuple[tuple[float, float, float], tuple[float, float, float]] = (
        (3.0, 3.0, 2.5),
        (10.0, 6.0, 4.0),
    )
    rt60_range_seconds: tuple[float, float] = (0.1, 0.7)
    distance_range_m: tuple[float, float] = (0.2, 5.0)
    wall_margin_m: float = 0.3
    share: float = 0.5

    def __post_init__(self) -> None:
        problems = []
        smallest, largest = self.size_range_m
        if any(not 0 < low <= high for low, high in zip(smallest, largest, strict=True)):
            problems.append(
                f"size_range_m: expected 0 < low <= high, got {list(smallest)} and {list(largest)}"
            )
        for name in ("rt60_range_seconds", "distance_range_m"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                problems.append(f"{name}: expected 0 < low <= high, got {[low, high]}")
        if self.wall_margin_m < _MIN_MARGIN_M:
            problems.append(
                f"wall_margin_m: expected at least {_MIN_MARGIN_M}, got {self.wall_margin_m!r}"
            )
        if not 0 <= self.share <= 1:
            problems.append(f"share: expected 0 to 1, got {self.share!r}")
        if problems:
            raise ConfigError(problems)
        problems = [*self._misplaced(), *self._impossible_rt60()]
        if problems:
            raise ConfigError(problems)

    def _misplaced(self) -> list[str]:
        smallest, nearest = self.size_range_m[0], self.distance_range_m[0]
        inside = [side - 2 * self.wall_margin_m for side in smallest]
        if min(inside) <= 0:
            return [
                f"wall_margin_m: {self.wall_margin_m:g} m on both sides leave nothing of a room of "
                f"{_shown(smallest)}. Lower it, or raise size_range_m"
            ]
        # From any place in the room there is another one as far as this.
        reach = math.hypot(*inside) / 2
        if nearest > reach:
            return [
                f"distance_range_m: expected a lowest distance of at most {reach:.2f} m, for which "
                f"there is place everywhere in a room of {_shown(smallest)}; got {nearest:g}"
            ]
        return []

    def _impossible_rt60(self) -> list[str]:
        (smallest, largest), (shortest, longest) = self.size_range_m, self.rt60_range_seconds
        problems = []
        if absorption(largest, shortest) > _MAX_ABSORPTION:
            problems.append(
                f"rt60_range_seconds: {shortest:g} s is too short for a room of {_shown(largest)}, "
                f"whose walls would have to swallow all sound. Raise it, or lower size_range_m"
            )
        order = max_order(smallest, longest)
        if self.kind == "image" and order > MAX_ORDER:
            problems.append(
                f"rt60_range_seconds: {longest:g} s in a room of {_shown(smallest)} takes {order} "
                f"reflections of each sound, more than {MAX_ORDER}. Lower it, raise size_range_m, "
                "or take kind random"
            )
        return problems


def _shown(size_m: tuple[float, ...]) -> str:
    return f"{' x '.join(f'{side:g}' for side in size_m)} m"
