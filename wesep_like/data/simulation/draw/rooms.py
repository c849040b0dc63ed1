"""In which room the voices are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wesep_like.data.manifest import Room
from wesep_like.data.simulation.options import MixingOptions
from wesep_like.data.simulation.plans import Clip
from wesep_like.errors import ManifestError


class Rooms:
    """Room responses by room, and the choice among them.

    Args:
        rooms: Used if options.room_probability is above 0.
        options: How mixtures are made.

    Raises:
        ManifestError: If there are too few responses of a room.
    """

    def __init__(self, rooms: Sequence[Room], options: MixingOptions) -> None:
        self.options = options
        self._rooms: dict[str, list[Room]] = {}
        for room in sorted(rooms, key=lambda room: room.id):
            self._rooms.setdefault(room.room, []).append(room)
        if options.room_probability == 0:
            return
        if not self._rooms:
            raise ManifestError(f"{options.rooms}: no rooms, but room_probability is above 0")
        for name, responses in self._rooms.items():
            if len(responses) < options.max_sources:
                raise ManifestError(
                    f"{options.rooms}: room {name!r} has {len(responses)} responses, but a "
                    f"mixture needs {options.max_sources}. Add responses or lower num_interferers"
                )

    def draw(self, rng: np.random.Generator, num_sources: int) -> list[Clip | None]:
        """One response a source: all of one room and one microphone, each from another place."""
        is_used, room_place, channel_place = rng.random(3)
        if is_used >= self.options.room_probability:
            return [None] * num_sources
        rooms = list(self._rooms.values())
        responses = rooms[int(room_place * len(rooms))]
        chosen = [responses[i] for i in rng.permutation(len(responses))[:num_sources]]
        channel = int(channel_place * min(response.num_channels for response in chosen))
        return [
            Clip(response.path, 0, response.num_samples, response.sample_rate, channel)
            for response in chosen
        ]
