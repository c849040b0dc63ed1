"""Random numbers by their place: the same on every device, whatever else is computed beside them.

A generator of a device gives other numbers on another device, and in another batch. These are a
hash of counters in whole numbers, which all devices compute alike.
"""

from __future__ import annotations

import torch
from torch import Tensor

_32_BITS = 0xFFFFFFFF
_GOLDEN = 0x9E3779B9  # spreads neighbouring counters
# The finaliser of MurmurHash3 (Appleby): two of its rounds.
_FIRST, _SECOND = 0x85EBCA6B, 0xC2B2AE35


def uniform(*counters: Tensor | int) -> Tensor:
    """One number of 32 bits in [0, 1) for each tuple of counters, as float64.

    Args:
        *counters: Whole numbers from 0 to 2^32, int64 where tensors; their shapes are broadcast.
    """
    state: Tensor | int = 0
    for counter in counters:
        state = _scrambled((state + counter * _GOLDEN) & _32_BITS)
    return torch.as_tensor(state).double() / 2**32


def _scrambled(number: Tensor | int) -> Tensor | int:
    """A one-to-one mapping of 32 bits in which each bit moves all others."""
    # Products may run over 64 bits; the lower 32, which are kept, are right all the same.
    number = number ^ (number >> 16)
    number = (number * _FIRST) & _32_BITS
    number = number ^ (number >> 13)
    number = (number * _SECOND) & _32_BITS
    return number ^ (number >> 16)
