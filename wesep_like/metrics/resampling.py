"""How sure a mean, a difference or a share is, by drawing the trials anew.

Trials of one mixture, each of whose speakers is the target once, rise and fall together: they are
one cluster, which is drawn, or whose signs are flipped, as a whole.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

_NUM_RESAMPLES = 1000
_NUM_FLIPS = 9999
_AT_ONCE = 250  # bounds the memory: of 6000 trials, 12 MB


def mean_interval(
    values: np.ndarray, clusters: Sequence[Hashable] | None = None, *, seed: int = 0
) -> tuple[float, float] | None:
    """The 95 % interval of the mean of `values` (trials,); those of one cluster are drawn together.

    None if all are of one cluster: each draw would be the same.

    Source:
        Percentile bootstrap (Efron, 1979), 1000 resamples; of whole clusters (Davison and Hinkley,
        1997, section 3.8).
    """
    sums, counts = _by_cluster(values, clusters)
    if len(sums) < 2:
        return None
    rng = np.random.default_rng(seed)
    means = []
    for num in _portions(_NUM_RESAMPLES):
        drawn = rng.integers(len(sums), size=(num, len(sums)))
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return float(low), float(high)


def sign_flip_p(
    differences: np.ndarray, clusters: Sequence[Hashable] | None = None, *, seed: int = 0
) -> float:
    """How probable a mean as far from 0 as this one is, if the two systems were alike; two-sided.

    If they are, each difference might as well have the other sign; those of one cluster flip
    together. A test of ranks would not test the mean, which is what is reported, and would make
    little of the few large differences where one system took the wrong voice.

    Args:
        differences: (trials,), of one system and another on the same trials.
        clusters: Of each trial; None: each is one of its own.
        seed: Of the flips.

    Source:
        Randomisation test of paired values (Pitman, 1937); by clusters (Rosner, Glynn and Lee,
        2006); p of 9999 random flips with the observed one counted in (Phipson and Smyth, 2010).
    """
    sums, _ = _by_cluster(differences, clusters)
    # What differs by rounding alone is as far.
    observed = abs(sums.sum()) - 1e-9 * np.abs(sums).sum()
    rng = np.random.default_rng(seed)
    as_far = 0
    for num in _portions(_NUM_FLIPS):
        signs = 2.0 * rng.integers(0, 2, size=(num, len(sums)), dtype=np.int8) - 1
        as_far += int((np.abs(signs @ sums) >= observed).sum())
    return (as_far + 1) / (_NUM_FLIPS + 1)


def share_interval(num: int, num_all: int) -> tuple[float, float]:
    """The 95 % interval of the share `num` of `num_all`; has a width also where that is 0 or 1.

    Source:
        Wilson (1927); trials count as independent.
    """
    share, z = num / num_all, 1.959964
    centre = (share + z**2 / (2 * num_all)) / (1 + z**2 / num_all)
    half = z / (1 + z**2 / num_all)
    half *= (share * (1 - share) / num_all + z**2 / (4 * num_all**2)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def _portions(total: int) -> list[int]:
    """`total` in numbers of at most `_AT_ONCE`."""
    return [min(_AT_ONCE, total - start) for start in range(0, total, _AT_ONCE)]


def _by_cluster(
    values: np.ndarray, clusters: Sequence[Hashable] | None
) -> tuple[np.ndarray, np.ndarray]:
    """The sum and the number of the values in each cluster, clusters as they first appear."""
    values = np.asarray(values, dtype=np.float64)
    if clusters is None:
        return values, np.ones(len(values))
    place = {cluster: number for number, cluster in enumerate(dict.fromkeys(clusters))}
    of_value = [place[cluster] for cluster in clusters]
    return np.bincount(of_value, values), np.bincount(of_value).astype(np.float64)
