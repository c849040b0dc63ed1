"""`wesep-like score`: how alike the voices of each trial in a list are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wesep_like.cli import options
from wesep_like.cli.output import identify, progress_bar, refuse_inputs, say
from wesep_like.errors import AudioError

EXAMPLES = (
    "wesep-like score data/mini/test/trials.txt -o scores.txt",
    "wesep-like score veri_test.txt --root VoxCeleb1/wav --model exp/resnet34 -o scores.txt",
)


def run(
    trials: Annotated[
        Path, typer.Argument(metavar="TRIALS", help="Lines '1 a b', 'a b target' or 'a b'.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="SCORES", help="Lines 'a b score' to write.")
    ],
    root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the audio is. [default: the folder of TRIALS]"),
    ] = None,
    utterances: Annotated[
        Path | None,
        typer.Option(
            metavar="JSONL",
            help="Manifest, if trials name ids. [default: utterances.jsonl in that folder, if any]",
        ),
    ] = None,
    model: options.Model = None,
    device: options.Device = "auto",
    trust_code: options.TrustCode = False,
    vad: options.Vad = "none",
    max_seconds: options.MaxSeconds = None,
) -> None:
    """Score a list of trials by the cosine of embeddings.

    'wesep-like eer' then gives the error rates. Trials with a recording that cannot be used are
    left out; the exit code is then 1.
    """
    from wesep_like.config.atomic import check_writable
    from wesep_like.evaluation.verification import (
        find_audio,
        read_trials,
        score_trials,
        write_scores,
    )
    from wesep_like.inference.embedder import Embedder

    check_writable(output)
    pairs = read_trials(trials)
    audio = find_audio(pairs, trials.parent if root is None else root, utterances)
    refuse_inputs(output, identify([trials, *audio.values()]))
    embedder = Embedder.load(model, device, trust_code=trust_code, vad=vad, max_seconds=max_seconds)
    with progress_bar("embedding") as progress:
        scored, problems = score_trials(embedder, pairs, audio, progress=progress)
    if not scored:
        raise AudioError("\n".join(problems))
    for problem in problems:
        say(f"error: {problem}")
    write_scores(output, scored)
    typer.echo(f"{output}: {len(scored)} of {len(pairs)} trials scored")
    if problems:
        raise typer.Exit(1)
