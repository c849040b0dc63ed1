"""`wesep-like shard`: a data folder becomes tar shards."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from wesep_like.cli.output import progress_bar, say

EXAMPLES = (
    "wesep-like shard data/mini/train -o data/mini/shards --per-shard 500",
    "wesep-like shard data/mini/train/utterances.jsonl -o data/mini/speech --workers 2",
)


def run(
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", help="A data folder, or a manifest of it."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The folder of the shards.")
    ],
    per_shard: Annotated[int, typer.Option(min=1, help="Utterances in a shard, at most.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the order.")] = 1,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Processes that read and write. [default: up to 4]"),
    ] = None,
) -> None:
    """Pack the utterances, noises and mixtures (premixed.jsonl) of DATA into tar shards.

    Sound files are packed as they are. One that cannot be read is left out, with a warning, and the
    exit code is then 1. What an interrupted call has written is kept.
    """
    from wesep_like.data.shards.pack import pack

    if workers is None:
        workers = min(4, os.cpu_count() or 1)
    with progress_bar("packing") as progress:
        packed = pack(
            data, output, per_shard=per_shard, seed=seed, num_workers=workers, progress=progress
        )
    for name, num_shards in packed.num_shards.items():
        typer.echo(f"{packed.folder / name}: {num_shards} shards, {packed.num_packed[name]} packed")
    if packed.num_skipped:
        say(f"error: {packed.num_skipped} utterances, noises or mixtures could not be packed")
        raise typer.Exit(1)
