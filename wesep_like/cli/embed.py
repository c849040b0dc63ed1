"""`wesep-like embed`: speaker embeddings of recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wesep_like.cli import options
from wesep_like.cli.output import identify, progress_bar, refuse_inputs, say
from wesep_like.errors import AudioError, OutputError

EXAMPLES = ("wesep-like embed a.wav b.wav -o embeddings.npz",)


def run(
    audio: Annotated[list[Path], typer.Argument(metavar="AUDIO", help="One voice in each.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="OUT", help="NumPy archive (.npz): paths, embeddings."
        ),
    ],
    model: options.Model = None,
    device: options.Device = "auto",
    trust_code: options.TrustCode = False,
    vad: options.Vad = "none",
    max_seconds: options.MaxSeconds = None,
) -> None:
    """Write one embedding for each recording, as the rows of a matrix.

    numpy.load(OUT) has 'paths' and 'embeddings', (recordings, dim). A recording that cannot be used
    is reported and left out; the exit code is then 1.
    """
    import numpy as np

    from wesep_like.audio.io import read
    from wesep_like.config.atomic import atomic_path, check_writable
    from wesep_like.inference.embedder import Embedder

    if output.suffix != ".npz":
        raise OutputError(
            f"{output}: no format to write has the suffix {output.suffix!r}. Known: .npz"
        )
    check_writable(output)
    refuse_inputs(output, identify(audio))
    embedder = Embedder.load(model, device, trust_code=trust_code, vad=vad, max_seconds=max_seconds)
    paths, embeddings, problems = [], [], []
    with progress_bar("embedding") as progress:
        for number, path in enumerate(audio, start=1):
            try:
                speech = read(path)
                embeddings.append(
                    embedder.embed(speech.samples, speech.sample_rate, where=str(path))
                )
                paths.append(str(path))
            except AudioError as error:
                problems.append(str(error))
            progress(number, len(audio))
    if not embeddings:
        raise AudioError("\n".join(problems))
    for problem in problems:
        say(f"error: {problem}")
    with atomic_path(output) as draft, draft.open("wb") as file:
        np.savez(file, paths=np.array(paths), embeddings=np.stack(embeddings))
    typer.echo(f"{output}: {len(embeddings)} embeddings of {len(embeddings[0])} numbers")
    if problems:
        raise typer.Exit(1)
