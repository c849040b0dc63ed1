"""In which room the voices are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wesep_like.data.manifest import Room
from wesep_like.data.simulation.draw.places import draw_room
from wesep_like.data.simulation.plans import Clip
from wesep_like.data.simulation.room_plans import SimulatedRoom
from wesep_like.data.simulation.voice_options import VoiceOptions
from wesep_like.errors import ManifestError


@dataclass(frozen=True)
class Surroundings:
    """What the voices are heard in: one response and one place of the direct path each, or a room.

    Without either there is no room.
    """

    responses: Sequence[Clip | None]
    direct_samples: Sequence[int | None]
    room: SimulatedRoom | None = None


class Rooms:
    """Room responses by room, and the choice among them and rooms that are simulated.

    Args:
        rooms: Used if the probability is above 0.
        options: What there is.
        sample_rate: Of the mixtures, in Hz.
        probability: How often there is a room.
        max_sources: So many voices are in it at most.

    Raises:
        ManifestError: If there are too few responses of a room.
    """

    def __init__(
        self,
        rooms: Sequence[Room],
        options: VoiceOptions,
        sample_rate: int,
        *,
        probability: float,
        max_sources: int,
    ) -> None:
        self.options = options
        self.sample_rate = sample_rate
        self.probability = probability
        self._rooms: dict[str, list[Room]] = {}
        for room in sorted(rooms, key=lambda room: room.id):
            self._rooms.setdefault(room.room, []).append(room)
        if probability == 0 or options.rooms is None:
            return
        if not self._rooms:
            raise ManifestError(f"{options.rooms}: no rooms, but room_probability is above 0")
        for name, responses in self._rooms.items():
            if len(responses) < max_sources:
                raise ManifestError(
                    f"{options.rooms}: room {name!r} has {len(responses)} responses, but a "
                    f"mixture needs {max_sources}. Add responses or lower num_interferers"
                )

    def draw(
        self, rng: np.random.Generator, simulation_rng: np.random.Generator, num_sources: int
    ) -> Surroundings:
        """All voices in one room, or in none.

        Args:
            rng: Whether there is a room, and which of the responses.
            simulation_rng: Whether the room is simulated, and what it is like.
            num_sources: How many voices.
        """
        is_used, room_place, channel_place = rng.random(3)
        none = [None] * num_sources
        if is_used >= self.probability:
            return Surroundings(none, none)
        simulated = self.options.simulated_rooms
        if simulated is not None:
            is_simulated = simulation_rng.random() < simulated.share
            if is_simulated or self.options.rooms is None:
                room = draw_room(simulation_rng, simulated, num_sources, self.sample_rate)
                return Surroundings(none, none, room)
        rooms = list(self._rooms.values())
        responses = rooms[int(room_place * len(rooms))]
        chosen = [responses[i] for i in rng.permutation(len(responses))[:num_sources]]
        channel = int(channel_place * min(response.num_channels for response in chosen))
        return Surroundings(
            [
                Clip(response.path, 0, response.num_samples, response.sample_rate, channel)
                for response in chosen
            ],
            [
                None if response.direct_samples is None else response.direct_samples[channel]
                for response in chosen
            ],
        )
