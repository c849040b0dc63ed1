"""Dataclasses that hold tensors, as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from torch import Tensor

T = TypeVar("T")


def map_tensors(holder: T, function: Callable[[Tensor], Tensor]) -> T:
    """The same dataclass with `function` of each of its tensors, also of those further inside.

    Further inside are those of dataclasses that it has, alone or in a tuple.
    """
    assert is_dataclass(holder)
    mapped: dict[str, Any] = {}
    for field in fields(holder):
        value = getattr(holder, field.name)
        if isinstance(value, Tensor):
            mapped[field.name] = function(value)
        elif is_dataclass(value):
            mapped[field.name] = map_tensors(value, function)
        elif isinstance(value, tuple):
            mapped[field.name] = tuple(
                map_tensors(item, function) if is_dataclass(item) else item for item in value
            )
    return replace(holder, **mapped)  # type: ignore[type-var]  # it is one, as asserted
