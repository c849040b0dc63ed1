"""What may happen to voices, in a mixture or alone: the options that these have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from wesep_like.data.simulation.room_options import SimulatedRoomOptions


@dataclass(frozen=True, kw_only=True)
class VoiceOptions(ABC):
    """Noises, rooms and speeds.

    Args:
        noise: A manifest of noises. None: where there is noise, it is coloured.
        noise_exponent_range: Coloured noise has a power that falls as frequency to this exponent:
            0 is white, 1 pink, 2 brown, -1 blue, -2 violet.
        rooms: A manifest of room responses; it or simulated_rooms is needed where voices are put
            into rooms.
        simulated_rooms: Rooms that are computed.
        speed_probability: How often a voice is played at one of `speeds`.
        speeds: 1.1 is shorter and higher.
    """

    noise: str | None = None
    noise_exponent_range: tuple[float, float] = (-2.0, 2.0)
    rooms: str | None = None
    simulated_rooms: SimulatedRoomOptions | None = None
    speed_probability: float = 0.0
    speeds: tuple[float, ...] = (0.9, 1.1)

    @property
    @abstractmethod
    def source(self) -> str:
        """Where the voices are from, for messages."""

    @property
    def noise_source(self) -> str | None:
        """Where the noises are from, for messages."""
        return self.noise

    def voice_problems(self, **room_probabilities: float) -> list[str]:
        """What is wrong with these, a line each.

        Args:
            **room_probabilities: How often there is a room, by the option's path, with `__` for a
                dot in it.
        """
        problems = []
        if not 0 <= self.speed_probability <= 1:
            problems.append(f"speed_probability: expected 0 to 1, got {self.speed_probability!r}")
        low, high = self.noise_exponent_range
        if low > high:
            problems.append(f"noise_exponent_range: expected low <= high, got {[low, high]}")
        if self.speed_probability > 0 and not self.speeds:
            problems.append(
                "speeds: none given, but speed_probability is above 0. Give at least one"
            )
        # The resampler takes ratios of whole numbers; hundredths are finer than anyone hears.
        if any(not 0.5 <= speed <= 2 or round(speed, 2) != speed for speed in self.speeds):
            problems.append(f"speeds: expected 0.5 to 2 in steps of 0.01, got {list(self.speeds)}")
        for name, probability in room_probabilities.items():
            if self.rooms is None and self.simulated_rooms is None and probability > 0:
                problems.append(
                    f"rooms: missing, but {name.replace('__', '.')} is {probability!r}. Give a "
                    "manifest, or simulated_rooms, or set it to 0"
                )
        return problems
