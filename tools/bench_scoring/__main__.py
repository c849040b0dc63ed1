"""How long AS-norm takes and how much memory, and how long the error rates.

    python tools/bench_scoring [--trials 100000] [--utterances 200000 10000] [--repeats 5]

Prints two Markdown tables. The first has AS-norm of cosine scores against a cohort of 10 000
speakers and 256 dimensions, the 300 most alike of which count: by blocks of matrix products, as
`wesep-like score` does it, in one run on all threads that are given; and by a plain double loop
over trials and cohort, of the first ten trials, its time scaled to all. Where there are twice as
many utterances as trials, each is in one trial only, so that nothing is shared. The second has the
equal error rate beside scikit-learn's `roc_curve`, in turns; the median with the smallest and the
largest. The last column is by how much the two ways differ.
"""

from __future__ import annotations

import argparse
import os

import numpy as np
from measure import COHORT, DIM, TOP_N, as_norm, error_rate
from timing import fresh_process


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=100_000, help="to normalise (100000)")
    parser.add_argument(
        "--utterances", type=int, nargs="*", default=[200_000, 10_000], help="in them (both)"
    )
    parser.add_argument("--scores", type=int, default=1_000_000, help="for error rates (1000000)")
    parser.add_argument("--repeats", type=int, default=5, help="of the error rates (5)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="all (default)")
    args = parser.parse_args()
    print(
        f"NumPy {np.__version__}, {args.threads} threads; cohort {COHORT} x {DIM}, top {TOP_N}.\n"
    )
    print("| trials | utterances | blocks | peak memory | double loop | times faster | apart |")
    print("|---|---|---|---|---|---|---|")
    for num in args.utterances:
        with fresh_process(str) as pool:
            print(pool.apply(as_norm, (args.trials, num, args.threads)), flush=True)
    print("\n| scores | EER | roc_curve | times faster | apart |\n|---|---|---|---|---|")
    with fresh_process(str) as pool:
        print(pool.apply(error_rate, (args.scores, args.repeats)))


if __name__ == "__main__":
    main()
