"""`wesep-like verify`: whether two recordings have one voice in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wesep_like.cli import options
from wesep_like.cli.output import print_result

EXAMPLES = ("wesep-like verify a.wav b.wav",)


def run(
    first: Annotated[Path, typer.Argument(metavar="A", help="One voice.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="The same voice, or another.")],
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="SCORE", help="Same speaker from this score on. [default: the model's, if any]"
        ),
    ] = None,
    model: options.Model = None,
    device: options.Device = "auto",
    trust_code: options.TrustCode = False,
    vad: options.Vad = "none",
    max_seconds: options.MaxSeconds = None,
    as_json: options.Json = False,
) -> None:
    """Compare the voices of two recordings.

    The score is the cosine of their embeddings, 1 for the same recording.
    """
    from wesep_like.audio.io import read
    from wesep_like.inference.embedder import Embedder

    recordings = [read(first), read(second)]
    embedder = Embedder.load(model, device, trust_code=trust_code, vad=vad, max_seconds=max_seconds)
    one, other = (
        embedder.cue(recording.samples, recording.sample_rate, where=str(path))
        for recording, path in zip(recordings, (first, second), strict=True)
    )
    score = embedder.similarity(one, other, embedder.sample_rate)
    if threshold is None:
        threshold = embedder.threshold
    is_same = None if threshold is None else score >= threshold
    result = {
        "first": str(first),
        "second": str(second),
        "score": score,
        "threshold": threshold,
        "same_speaker": is_same,
    }
    verdict = ""
    if threshold is not None:
        verdict = (
            f", {'same speaker' if is_same else 'different speakers'} (threshold {threshold:g})"
        )
    print_result(result, [f"score {score:.3f}{verdict}"], as_json=as_json)
