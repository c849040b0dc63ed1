"""Short crops of a data folder's utterances, with noise and in rooms, and trials of them.

python recipes/mini_verification/hard_trials.py data/mini/test -o data/mini_verification

All crops are of one length; noise is coloured, and rooms are computed by the image-source model.
Writes the crops; utterances.jsonl, of them and of the whole utterances; and all trials, in the form
of VoxCeleb's lists: clean.txt, of two whole utterances, clean_hard.txt, of a whole one and a crop,
and hard.txt, of two crops. Two of one utterance are no trial. The same data and seed give the same
files.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from wesep_like import WesepLikeError
from wesep_like.data.json_lines import write_text
from wesep_like.data.manifest import Utterance, read_manifest, write_manifest
from wesep_like.data.simulated_files import write_simulated
from wesep_like.data.simulation.draw import MixturePlanner
from wesep_like.data.simulation.options import SimulationOptions
from wesep_like.data.simulation.room_options import SimulatedRoomOptions

SAMPLE_RATE = 16000


def main() -> int:
    """Writes what the arguments ask for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder with utterances.jsonl")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--crops", type=int, default=4, help="of each utterance")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of each")
    parser.add_argument("--snr", type=float, nargs=2, default=(0, 10), metavar=("LOW", "HIGH"))
    parser.add_argument("--rt60", type=float, nargs=2, default=(0.2, 0.7), metavar=("LOW", "HIGH"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    given = parser.parse_args()
    try:
        manifest = given.data / "utterances.jsonl"
        options = SimulationOptions(
            str(manifest),
            mixture_seconds=given.seconds,
            enrollment_seconds=given.seconds,
            num_interferers=0,
            room_probability=1.0,
            simulated_rooms=SimulatedRoomOptions(kind="image", rt60_range_seconds=given.rt60),
            noise_probability=1.0,
            snr_range_db=tuple(given.snr),
        )
        clean = [
            replace(utterance, path=os.path.abspath(utterance.path))
            for utterance in read_manifest(manifest, Utterance)
        ]
        hard = write_crops(clean, options, given)
        write_manifest(given.output / "utterances.jsonl", [*clean, *hard])
        write_trials(given.output / "clean.txt", itertools.combinations(clean, 2))
        write_trials(given.output / "clean_hard.txt", itertools.product(clean, hard))
        write_trials(given.output / "hard.txt", itertools.combinations(hard, 2))
    except WesepLikeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{given.output}: {len(hard)} crops of {given.seconds:g} s")
    return 0


def write_crops(
    clean: list[Utterance], options: SimulationOptions, given: argparse.Namespace
) -> list[Utterance]:
    """The crops of each utterance, which are called UTTERANCE#1 and so on."""
    planner = MixturePlanner(clean, [], [], options, SAMPLE_RATE)
    plans, hard = [], []
    for number, (utterance, crop) in enumerate(itertools.product(clean, range(given.crops))):
        rng = np.random.default_rng([given.seed, number])
        name = f"{utterance.id}#{crop + 1}"
        plans.append(planner.draw(rng, mixture_id=name, target=utterance))
        hard.append(
            Utterance(
                name,
                utterance.speaker,
                f"mix_both/{name}.wav",
                plans[-1].num_samples,
                SAMPLE_RATE,
                utterance.sex,
            )
        )
    written = write_simulated(plans, given.output, num_workers=given.workers)
    if problems := [one.problem for one in written if one.problem]:
        raise WesepLikeError(problems[0])
    return hard


def write_trials(path: Path, pairs: Iterable[tuple[Utterance, Utterance]]) -> None:
    """Those pairs that are not of one utterance."""
    lines = [
        f"{int(first.speaker == second.speaker)} {first.id} {second.id}\n"
        for first, second in pairs
        if first.id.partition("#")[0] != second.id.partition("#")[0]
    ]
    write_text(path, "".join(lines))


if __name__ == "__main__":
    sys.exit(main())
