"""`wesep-like prepare librimix`: LibriMix is made from LibriSpeech, WHAM! and its metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wesep_like.cli.output import progress_bar, say

EXAMPLES = (
    "wesep-like prepare librimix --librispeech LibriSpeech --metadata LibriMix/metadata/Libri2Mix "
    "-o data",
    "wesep-like prepare librimix --librispeech LibriSpeech --wham wham_noise "
    "--metadata LibriMix/metadata/Libri2Mix -o data --sample-rate 8000 --sample-rate 16000 "
    "--mode min --mode max --sets dev,test",
)
_MAX_NAMED = 10


def run(
    librispeech: Annotated[
        Path,
        typer.Option(metavar="ROOT", help="LibriSpeech, with train-clean-100 and so on in it."),
    ],
    metadata: Annotated[
        Path,
        typer.Option(metavar="DIR", help="LibriMix's CSV files, such as libri2mix_test-clean.csv."),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="The folder that gets Libri2Mix."),
    ],
    wham: Annotated[
        Path | None, typer.Option(metavar="ROOT", help="WHAM!'s noise: with tr, cv and tt.")
    ] = None,
    sample_rate: Annotated[
        list[int] | None,
        typer.Option(metavar="HZ", help="16000 or 8000; twice for both. [default: 16000]"),
    ] = None,
    mode: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODE",
            help="min (cut to the shortest voice) or max; twice for both. [default: min]",
        ),
    ] = None,
    mixtures: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Of mix_clean (all voices), mix_both (and noise) and mix_single (the first voice "
            "and noise). [default: all; without --wham, mix_clean]",
        ),
    ] = None,
    sets: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Such as train-100,dev,test. [default: all of which there is metadata]",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Processes; 0: this one. Without it, one for each core."),
    ] = None,
) -> None:
    """LibriMix itself, made of LibriSpeech and WHAM!.

    OUT becomes OUT/Libri2Mix/wav16k/min/test/{mix_clean,s1,s2,...} and so on.

    What is there already stays: a run that was broken off goes on, and rates, modes, sets and kinds
    of mixtures can be added. The same metadata and recordings give the same bytes.
    """
    import os

    from wesep_like.data.librimix.layout import Variant
    from wesep_like.data.librimix.tree import build_tree
    from wesep_like.errors import AudioError

    variants = [
        Variant(rate, name)
        for rate in dict.fromkeys(sample_rate or [16000])
        for name in dict.fromkeys(mode or ["min"])
    ]
    with progress_bar("mixing") as progress:
        built = build_tree(
            metadata,
            librispeech,
            output,
            wham=wham,
            variants=variants,
            kinds=None if mixtures is None else mixtures.split(","),
            sets=None if sets is None else sets.split(","),
            num_workers=(os.cpu_count() or 1) if workers is None else workers,
            progress=progress,
        )
    for problem in built.problems[:_MAX_NAMED]:
        say(f"error: {problem}")
    if len(built.problems) > _MAX_NAMED:
        say(f"error: and {len(built.problems) - _MAX_NAMED} more mixtures")
    if not any(one.num_mixtures for one in built.sets):
        raise AudioError(f"{metadata}: no mixture could be made. Check --librispeech and --wham")
    for one in built.sets:
        hours = f"{one.seconds / 3600:.2f} h"
        typer.echo(f"{one.path}: {one.num_mixtures} mixtures, {hours}; {one.num_new} are new")
    if built.problems:
        raise typer.Exit(1)
