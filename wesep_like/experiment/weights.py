"""What each loss weighs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wesep_like.errors import ConfigError


def read_weight(section: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
    """The rest of a loss's section, and its `weight`; 1 if not given.

    Raises:
        ConfigError: If the weight is none.
    """
    rest = dict(section)
    weight = rest.pop("weight", 1.0)
    if type(weight) not in (int, float) or weight < 0:
        raise ConfigError(f"weight: expected a number of at least 0, got {weight!r}")
    return rest, float(weight)
