"""How large and how fast the speaker encoders are, and how fast their features.

    python tools/bench_encoders [ENCODER ...] [--repeats 7] [--batch 32]

Prints three Markdown tables; all is on one thread of a CPU, without gradients. Whatever is timed
has a process of its own; what is compared takes turns, so that what else the machine does meets
all. A figure is the median over the turns, with the smallest and the largest.

The first table has the encoders, as under `wesep-like`, which keeps the memory that it frees. The
share of features is the time of the filterbank alone over that of the whole encoder. The second has
our filterbank beside torchaudio's, called for each utterance, and one written plainly for a batch;
with memory given back they run as in a script of one's own. The third says how nearly they agree:
the logarithm of a bin of hardly any energy, which noise has now and then, is no more exact than
single precision lets it be, so each form is compared with double precision, too.
"""

from __future__ import annotations

import argparse

import torch
from measure import (
    HEARD_SECONDS,
    NEAR,
    UTTERANCE_SECONDS,
    agreement,
    compared,
    encoders,
    measured,
    prepare,
)
from timing import fresh_process


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "encoders",
        nargs="*",
        metavar="ENCODER",
        help="a name, or one with options: 'redimnet size=B0'; default: all",
    )
    parser.add_argument("--repeats", type=int, default=7, help="of each measurement (7)")
    parser.add_argument("--batch", type=int, default=32, help="utterances of features (32)")
    args = parser.parse_args()
    print(f"torch {torch.__version__}; float32, one thread.")
    print(f"Real-time factor: one enrollment of {HEARD_SECONDS:g} s.")
    print(f"Features: of {args.batch} x {UTTERANCE_SECONDS:g} s of noise.\n")
    print("| encoder | parameters | real-time factor | share of features |\n|---|---|---|---|")
    for encoder in args.encoders or encoders():
        with fresh_process(prepare, True) as pool:
            print(pool.apply(measured, (encoder, args.repeats)), flush=True)
    print("\n| features | freed memory | time | torchaudio / this | this / ours |")
    print("|---|---|---|---|---|")
    for is_kept in (False, True):
        print("\n".join(compared(args.batch, is_kept, args.repeats)), flush=True)
    print("\n| features | norm of the difference from torchaudio | largest ", end="")
    print(f"| within {NEAR:g} | largest from double precision |\n|---|---|---|---|---|")
    with fresh_process(prepare, True) as pool:
        print("\n".join(pool.apply(agreement, (args.batch,))))


if __name__ == "__main__":
    main()
