"""What the processes of a run tell each other."""

from __future__ import annotations

from typing import Any, TypeVar

from torch import distributed

T = TypeVar("T")


def gathered(own: T) -> list[T]:
    """What each process gives, in order of their ranks; a single process only hears itself.

    Every process has to call it, at the same place.

    Args:
        own: Anything small that can be pickled.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return [own]
    found: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(found, own)
    return found
