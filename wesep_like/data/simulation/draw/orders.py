"""What is drawn for more than one example: orders of an epoch, and what a batch has in common."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

# Seeds of examples have three numbers before the seeds of their stages; these have four.
SHARDS, UTTERANCES, BATCHES = (0, 1), (0, 2), (0, 3)


@lru_cache(maxsize=2)  # two epochs may be under way at a time
def epoch_order(num: int, seed: int, epoch: int, of: tuple[int, int]) -> np.ndarray:
    """Numbers below `num`, permuted anew in each epoch; not to be written to."""
    order = np.random.default_rng([seed, epoch, *of]).permutation(num)
    order.flags.writeable = False
    return order


def batch_generator(seed: int, batch: int) -> np.random.Generator:
    """Where what a batch has in common comes from."""
    return np.random.default_rng([seed, batch, *BATCHES])
