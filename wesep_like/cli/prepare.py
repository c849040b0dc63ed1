"""`wesep-like prepare`: a corpus as it is published becomes a data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wesep_like.cli.output import progress_bar

EXAMPLES = (
    "wesep-like prepare mini shared/corpus -o data/mini",
    "wesep-like prepare folder recordings/ -o data/mine",
    "wesep-like prepare kaldi data/clean/test -o data/libri2mix/test",
)


def run(
    corpus: Annotated[
        str,
        typer.Argument(
            metavar="CORPUS",
            help="Its layout: mini, folder (ROOT/SPEAKER/.../sound files), or kaldi (wav.scp, "
            "utt2spk and further lists, of voices or of mixtures).",
        ),
    ],
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="Where the corpus is.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DATA", help="The data folder to write.")
    ],
    seed: Annotated[
        int,
        typer.Option(
            help="Of the fixed mixtures, their enrollments and the choice of held-out speakers."
        ),
    ] = 1,
    sample_rate: Annotated[
        int, typer.Option(help="Of fixed mixtures that are not recorded, in Hz.")
    ] = 16000,
) -> None:
    """Index the corpus at ROOT into a data folder; no sound is copied.

    Sound files that cannot be read are left out, with a warning.
    """
    from wesep_like.data.corpora import prepare

    with progress_bar("reading") as progress:
        prepared = prepare(
            corpus, root, output, seed=seed, sample_rate=sample_rate, progress=progress
        )
    for file, count in prepared.num_records.items():
        typer.echo(f"{prepared.folder / file}: {count}")
    if prepared.num_skipped:
        typer.echo(f"skipped: {prepared.num_skipped} sound files")
