"""Draws metadata in LibriMix's form, for a small LibriMix from any folder laid out as LibriSpeech.

python recipes/libri2mix/draw_metadata.py LibriSpeech --subset test-other --set dev --wham noise \
    --num 100 --seed 1 --utterances 0 0.5 -o metadata

`wesep-like prepare librimix` makes the mixtures. See recipes/libri2mix/README.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from wesep_like import WesepLikeError
from wesep_like.data.librimix.drawn_metadata import DrawOptions, Share, draw_metadata


def main() -> int:
    """Writes the file that the arguments ask for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("librispeech", type=Path, help="with SUBSET/SPEAKER/CHAPTER/UTTERANCE")
    parser.add_argument("--subset", required=True, help="its folder to draw from")
    parser.add_argument("--set", help="what the set is called, such as dev (else as the subset)")
    parser.add_argument("--wham", type=Path, help="folder of noises, or with tr, cv and tt in it")
    parser.add_argument("--num", type=int, required=True, help="how many mixtures")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the metadata")
    parser.add_argument("--num-speakers", type=int, default=2, help="in each mixture")
    for name in ("speakers", "utterances", "noises"):
        parser.add_argument(
            f"--{name}", type=float, nargs=2, default=(0, 1), metavar=("LOW", "HIGH"),
            help=f"only these of the {name}, as shares of their list, such as 0 0.5",
        )  # fmt: skip
    parser.add_argument("--min-seconds", type=float, default=3.0, help="of an utterance")
    parser.add_argument(
        "--lone-interferers",
        action="store_true",
        help="speakers with one utterance interfere too: as source 2, never to be enrolled",
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    given = parser.parse_args()
    try:
        path = draw_metadata(
            given.librispeech,
            given.output,
            given.num,
            DrawOptions(
                given.subset,
                given.set,
                num_sources=given.num_speakers,
                speakers=Share(*given.speakers),
                utterances=Share(*given.utterances),
                noises=Share(*given.noises),
                min_seconds=given.min_seconds,
                has_lone_interferers=given.lone_interferers,
            ),
            wham=given.wham,
            seed=given.seed,
            num_workers=given.workers,
        )
    except WesepLikeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{path}: {given.num} mixtures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
