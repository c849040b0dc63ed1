"""Rooms of plans whose responses are computed in rendering."""

from __future__ import annotations

from collections.abc import Sequence

from wesep_like.data.rooms.random_responses import RandomRooms, gather_rooms
from wesep_like.data.simulation.room_plans import SimulatedRoom


def gathered(rooms: Sequence[SimulatedRoom | None], sample_rate: int) -> RandomRooms | None:
    """Those of kind "random" as tensors, in their order; None if there are none."""
    found = [room for room in rooms if room is not None and room.kind == "random"]
    if not found:
        return None
    return gather_rooms(
        [room.size_m for room in found],
        [room.rt60_seconds for room in found],
        [room.distances_m for room in found],
        [room.seed for room in found],
        sample_rate,
    )
