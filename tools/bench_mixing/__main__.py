"""How fast mixtures are made, and how much of it is what.

    python tools/bench_mixing DATA [--repeats 7] [--batch 16] [--device cpu]

DATA is a folder with utterances.jsonl, noise.jsonl and rooms.jsonl, as `wesep-like prepare` writes
them. Mixtures are of two voices and 3 s at 16 kHz, enrollments of 4 s, of which features are
computed. Beside ours stands a plain pipeline in NumPy and SciPy: an example at a time, whole files,
`fftconvolve`, torchaudio's filterbank; the same plans, and the same result, as is checked first. Of
random rooms it makes the same rooms by pyroomacoustics.

Each side has a process of its own with one thread; they take turns. A figure is the median over the
turns, with the smallest and the largest. Stages are in ms an example; reading is what worker
processes do, rendering and features what the device does that trains.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from measure import STAGES, Work, agreement, compared, share_of_step

from wesep_like.data.simulation.room_options import SimulatedRoomOptions
from wesep_like.data.simulation.room_pool import MANIFEST, PoolOptions, write_pool

POOL_ROOMS = 40
STEPS = {"cpu": "conf/mini/bsrnn.yaml", "cuda": "conf/libri2mix/bsrnn.yaml"}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA", help="a folder of manifests")
    parser.add_argument("--repeats", type=int, default=7, help="turns (7)")
    parser.add_argument("--batch", type=int, default=16, help="examples a batch (16)")
    parser.add_argument("--device", choices=list(STEPS), default="cpu", help="that renders (cpu)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as pool:
        write_pool(pool, POOL_ROOMS, PoolOptions(SimulatedRoomOptions("image")))
        works = settings(args.data, Path(pool) / MANIFEST)
        works = {
            name: replace(work, batch=args.batch, device=args.device)
            for name, work in works.items()
        }
        print(f"torch {torch.__version__}, {args.device}; batches of {args.batch}.")
        cpu = replace(works["and measured rooms"], device="cpu", is_cached=True)
        print(f"Largest difference between the two pipelines: {agreement(cpu):.1e}\n")
        print(f"| mixtures | cache | examples/s | {' | '.join(STAGES)} | plain | ours / plain |")
        print("|---" * (len(STAGES) + 5) + "|")
        for name, work in works.items():
            for is_cached in (False, True):
                ours = replace(work, is_cached=is_cached)
                print(compared(name, ours, plain_work(work), args.repeats), flush=True)
        hardest = works["and random rooms"]
        print(f"\n{share_of_step(Path(STEPS[args.device]), hardest, args.repeats)}")


def settings(data: Path, pool: Path) -> dict[str, Work]:
    """What is mixed, by its name in the table."""
    utterances = str(data / "utterances.jsonl")
    noisy = {"noise": str(data / "noise.jsonl"), "noise_probability": 1.0}
    roomy = {**noisy, "room_probability": 1.0}
    options = {
        "dry": {},
        "with noise": noisy,
        "and measured rooms": {**roomy, "rooms": str(data / "rooms.jsonl")},
        "and rooms of a pool": {**roomy, "rooms": str(pool)},
        "and fresh image sources": {**roomy, "simulated_rooms": {"kind": "image"}},
        "and random rooms": {**roomy, "simulated_rooms": {"kind": "random"}},
    }
    return {name: Work(utterances, each) for name, each in options.items()}


def plain_work(work: Work) -> Work:
    """What the plain pipeline makes in its place: a room by image sources if it is simulated."""
    options = dict(work.options)
    if "simulated_rooms" in options:
        options["simulated_rooms"] = {"kind": "image"}
    return replace(work, options=options, device="cpu")


if __name__ == "__main__":
    main()
