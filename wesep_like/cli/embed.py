"""`wesep-like embed`: speaker embeddings of recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wesep_like.cli import options
from wesep_like.cli.output import identify, progress_bar, refuse_inputs, say
from wesep_like.errors import OutputError

EXAMPLES = (
    "wesep-like embed a.wav b.wav -o embeddings.npz",
    "wesep-like embed --utterances data/mini/train/utterances.jsonl --workers 4 -o train.npz",
)


def run(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="NumPy archive (.npz) to write."),
    ],
    audio: Annotated[
        list[Path] | None, typer.Argument(metavar="[AUDIO...]", help="One voice in each.")
    ] = None,
    utterances: Annotated[
        Path | None,
        typer.Option(
            metavar="JSONL", help="In place of AUDIO, a manifest: ids and speakers are kept too."
        ),
    ] = None,
    workers: options.EmbedWorkers = 0,
    model: options.Model = None,
    device: options.Device = "auto",
    trust_code: options.TrustCode = False,
    vad: options.Vad = "none",
    max_seconds: options.MaxSeconds = None,
) -> None:
    """Write one embedding for each recording, as the rows of a matrix.

    numpy.load(OUT) has 'paths' and 'embeddings', (recordings, dim), 'seconds', 'model', and of a
    manifest 'ids' and 'speakers'. What OUT has already, of the same model, is not computed again,
    and a run that was broken off goes on. A recording that cannot be used is reported and left out;
    the exit code is then 1.
    """
    from wesep_like.config.atomic import check_writable
    from wesep_like.data.embedding_archive import SUFFIX
    from wesep_like.evaluation.embeddings import (
        Encoder,
        Recording,
        embed_to_file,
        recordings_of,
    )

    if output.suffix != SUFFIX:
        raise OutputError(
            f"{output}: no format to write has the suffix {output.suffix!r}. Known: {SUFFIX}"
        )
    if (utterances is None) == (not audio):
        raise options.UsageError("embed: expected sound files, or a manifest as --utterances")
    check_writable(output)
    if utterances is None:
        recordings = [Recording(path) for path in dict.fromkeys(map(str, audio or []))]
    else:
        recordings = recordings_of(utterances)
    inputs = [Path(recording.path) for recording in recordings]
    refuse_inputs(output, identify([*inputs, *([utterances] if utterances else [])]))
    encoder = Encoder(model, device, trust_code, vad, max_seconds)
    with progress_bar("embedding") as progress:
        made, problems, num_reused = embed_to_file(
            output, encoder, recordings, num_workers=workers, progress=progress
        )
    for problem in problems:
        say(f"error: {problem}")
    reused = f", {num_reused} of which were there" if num_reused else ""
    typer.echo(f"{output}: {len(made)} embeddings of {made.dim} numbers{reused}")
    if problems:
        raise typer.Exit(1)
