"""What `__main__.py` prints, measured."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from plain import double_loop
from sklearn.metrics import roc_curve
from threadpoolctl import threadpool_limits

from wesep_like.metrics.detection import eer
from wesep_like.scoring.normalisation import cohort_scores, normalised
from wesep_like.scoring.scorers import Cosine
from wesep_like.scoring.transforms import LengthNorm

sys.path.append(str(Path(__file__).resolve().parents[1]))
from timing import ratio, seconds_of, shown, turns

DIM, COHORT, TOP_N = 256, 10_000, 300
# Of the trials, so many are normalised by the plain double loop, and the time is scaled.
PLAIN_TRIALS = 10


class Trials(NamedTuple):
    """Which of the embeddings the trials compare."""

    embeddings: np.ndarray
    first: np.ndarray
    second: np.ndarray
    cohort: np.ndarray


def drawn(num_trials: int, num_utterances: int) -> Trials:
    """Embeddings of noise round a place for each speaker; no trial is of one utterance."""
    rng = np.random.default_rng(0)
    speakers = rng.standard_normal((num_utterances // 10, DIM))
    whose = rng.integers(len(speakers), size=num_utterances)
    embeddings = (speakers[whose] + rng.standard_normal((num_utterances, DIM))).astype(np.float32)
    if num_utterances == 2 * num_trials:
        first, second = np.arange(2 * num_trials).reshape(2, num_trials)
    else:
        first = rng.integers(num_utterances, size=num_trials)
        second = (first + rng.integers(1, num_utterances, size=num_trials)) % num_utterances
    cohort = rng.standard_normal((COHORT, DIM)).astype(np.float32)
    return Trials(embeddings, first, second, cohort)


def ours(trials: Trials) -> np.ndarray:
    """Scores and AS-norm of all trials, as `wesep-like score` computes them."""
    scorer = Cosine()
    scores = np.empty(len(trials.first))
    for block in np.array_split(np.arange(len(scores)), max(1, len(scores) // 50_000)):
        pair = trials.embeddings[trials.first[block]], trials.embeddings[trials.second[block]]
        scores[block] = scorer.pairs(*pair)
    of_cohort = cohort_scores(scorer, trials.embeddings, trials.cohort, TOP_N)
    return normalised(scores, of_cohort, of_cohort, trials.first, trials.second, "as")


def plain(trials: Trials) -> np.ndarray:
    """The same of the first few trials, by a double loop."""
    unit = LengthNorm()
    used = np.concatenate([trials.first[:PLAIN_TRIALS], trials.second[:PLAIN_TRIALS]])
    few, places = unit(trials.embeddings[used]), np.arange(2 * PLAIN_TRIALS)
    first, second = places[:PLAIN_TRIALS], places[PLAIN_TRIALS:]
    scores = (few[first] * few[second]).sum(1)
    return double_loop(scores, few, first, second, unit(trials.cohort), TOP_N)


def as_norm(num_trials: int, num_utterances: int, threads: int) -> str:
    """A line of the first table."""
    trials = drawn(num_trials, num_utterances)
    before = peak_megabytes()
    with threadpool_limits(threads):
        start = time.perf_counter()
        found = ours(trials)
        seconds = time.perf_counter() - start
        memory = peak_megabytes()
        start = time.perf_counter()
        expected = plain(trials)
        scaled = (time.perf_counter() - start) * num_trials / PLAIN_TRIALS
    apart = np.abs(found[:PLAIN_TRIALS] - expected).max()
    return (
        f"| {num_trials} | {num_utterances} | {seconds:.3g} s | {memory:.0f} MB ({before:.0f} MB "
        f"before) | {scaled / 3600:.3g} h | {scaled / seconds:.3g} | {apart:.0e} |"
    )


def error_rate(num_scores: int, repeats: int) -> str:
    """A line of the second table."""
    rng = np.random.default_rng(0)
    is_target = rng.random(num_scores) < 0.1
    scores = rng.standard_normal(num_scores) + 2 * is_target

    def of_roc() -> float:
        false_alarm, hit, _ = roc_curve(is_target, scores, drop_intermediate=False)
        return float(np.interp(0, false_alarm + hit - 1, false_alarm))

    runs = [partial(seconds_of, partial(eer, scores, is_target)), partial(seconds_of, of_roc)]
    own, theirs = turns(runs, repeats)
    apart = abs(eer(scores, is_target).rate - of_roc())
    times = f"{shown(own)} s | {shown(theirs)} s | {ratio(own, theirs)}"
    return f"| {num_scores} | {times} | {apart:.0e} |"


def peak_megabytes() -> float:
    """The most memory that this process has had."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1000
    return float("nan")
