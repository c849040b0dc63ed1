"""How fast mixtures are scored: each score, several processes, and the whole of `evaluate`.

    python tools/bench_evaluation DATA [--mixtures 200] [--extracted 50] [--repeats 3] [--dnsmos]

DATA is a folder with utterances.jsonl, as `wesep-like prepare` writes it. Mixtures are of two
voices and 4 s at 16 kHz, enrollments of 4 s.

The first table has the time of each score of one mixture, that of the mixture itself included, in
one thread. The second has the time for all mixtures with so many processes, from before these are
started to the last row; what they score is no model's: the interferer is 10 dB down. They take
turns, so that what else the machine does meets all; a figure is the median over the turns, with the
smallest and the largest. The third has extraction by the bundled model, too, once: `evaluate` as a
user calls it, in which one process extracts while `--workers` score (0: the one does both).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch
from measure import (
    RATE,
    SECONDS,
    draw_plans,
    made_jobs,
    scored,
    seconds_of_each,
    seconds_of_evaluation,
)
from timing import fresh_process, ratio, shown

from wesep_like.evaluation.scoring import METRICS, choose_scores

NUM_PROCESSES = (1, 2)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA", help="a folder with utterances.jsonl")
    parser.add_argument("--mixtures", type=int, default=200, help="to score (200)")
    parser.add_argument("--extracted", type=int, default=50, help="of the third table (50)")
    parser.add_argument("--repeats", type=int, default=3, help="turns (3)")
    parser.add_argument("--dnsmos", action="store_true", help="score DNSMOS, too")
    args = parser.parse_args()
    metrics = METRICS if args.dnsmos else None
    scores = choose_scores(metrics, RATE)
    plans = draw_plans(args.data, args.mixtures)
    print(f"torch {torch.__version__}, {os.cpu_count()} cores; mixtures of {SECONDS:g} s.\n")

    print("| score | ms a mixture |\n|---|---|")
    with fresh_process(torch.set_num_threads, 1) as pool:
        for name, seconds in pool.apply(seconds_of_each, (plans[:10], scores)).items():
            print(f"| {name} | {shown(seconds, 1e-3)} |")

    jobs = made_jobs(plans, scores)
    runs = [[scored(jobs, num) for num in NUM_PROCESSES] for _ in range(args.repeats)]
    print(f"\n| processes | {len(plans)} mixtures scored | times faster |\n|---|---|---|")
    times = [list(each) for each in zip(*runs, strict=True)]
    for num, seconds in zip(NUM_PROCESSES, times, strict=True):
        print(f"| {num} | {shown(seconds)} s | {ratio(seconds, times[0])} |", flush=True)

    plans = plans[: args.extracted]
    print(f"\n| `--workers` | {len(plans)} mixtures extracted and scored |\n|---|---|")
    for num in (0, *NUM_PROCESSES):
        print(f"| {num} | {seconds_of_evaluation(plans, metrics, num):.3g} s |", flush=True)


if __name__ == "__main__":
    main()
