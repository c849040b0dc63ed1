"""Are simulated rooms like what was asked for, and like each other?

    python tools/check_rooms -o rooms.png

For 200 rooms drawn as in training, one source each, the responses of `random_responses` and those
of pyroomacoustics for the same place are measured: reverberation time from the slope of Schroeder's
decay curve (T20, T30), and direct over reverberant energy. Prints Markdown tables, draws a picture.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from measure import MEASURES, Measure, Measured, measured_rooms, speed
from picture import draw

from wesep_like.cli.memory import keep_freed_memory


def main() -> None:
    """Measures, prints and draws."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", "-o", type=Path, help="the picture, a .png")
    parser.add_argument("--num", type=int, default=200, help="rooms (200)")
    parser.add_argument("--seed", type=int, default=1, help="of the rooms (1)")
    parser.add_argument(
        "--repeats", type=int, default=20, help="mixtures whose rooms are timed (20)"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # as the command line does
    rooms = measured_rooms(args.num, args.seed)
    print(f"{args.num} rooms; mean (5 % .. 95 %), or share.\n")
    print("| | random | pyroomacoustics |\n|---|---|---|")
    for name, of_random, of_image in MEASURES:
        print(f"| {name} | {spread(rooms, of_random)} | {spread(rooms, of_image)} |")
    print(f"\n{speed(args.repeats, args.seed)}")
    if args.output:
        draw(rooms, args.output)


def spread(rooms: list[Measured], measure: Measure) -> str:
    """Mean and percentiles, or share, of what `measure` says of each room; NaN is left out."""
    values = torch.tensor([measure(room) for room in rooms], dtype=torch.float64)
    values = values[~values.isnan()]
    if not len(values):
        return ""
    if ((values == 0) | (values == 1)).all():
        return f"{100 * values.mean():.0f} %"
    low, high = values.quantile(torch.tensor([0.05, 0.95], dtype=torch.float64)).tolist()
    return f"{values.mean():.2f} ({low:.2f} .. {high:.2f})"


if __name__ == "__main__":
    main()
