"""`wesep-like enroll`: what recordings of a speaker say, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wesep_like.cli import options
from wesep_like.cli.output import identify, refuse_inputs
from wesep_like.errors import OutputError

EXAMPLES = (
    "wesep-like enroll voice1.wav voice2.wav -o alice.cue",
    "wesep-like extract mixture.wav --enroll alice.cue -o target.wav",
)


def run(
    audio: Annotated[
        list[Path], typer.Argument(metavar="WAV", help="Speech of one speaker, 3 s or more.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="The file to write (.cue).")
    ],
    model: options.Model = None,
    device: options.Device = "auto",
    trust_code: options.TrustCode = False,
    vad: options.Vad = "energy",
    max_seconds: options.MaxSeconds = 60.0,
) -> None:
    """Hear a speaker once, for many extractions with the same model."""
    from wesep_like.audio.io import read
    from wesep_like.config.atomic import check_writable
    from wesep_like.inference.cue_file import SUFFIX
    from wesep_like.inference.extractor import Extractor

    if output.suffix != SUFFIX:
        raise OutputError(
            f"{output}: no format to write has the suffix {output.suffix!r}. Known: {SUFFIX}"
        )
    check_writable(output)
    refuse_inputs(output, identify(audio))
    recordings = [read(path) for path in audio]
    extractor = Extractor.load(
        model, device, trust_code=trust_code, vad=vad, max_seconds=max_seconds
    )
    cues = [
        extractor.cue(recording.samples, recording.sample_rate, where=str(path))
        for path, recording in zip(audio, recordings, strict=True)
    ]
    extractor.save_cue(output, extractor.cue(cues, extractor.sample_rate))
    seconds = sum(len(recording.samples) / recording.sample_rate for recording in recordings)
    typer.echo(f"{output}: one speaker, from {seconds:.2f} s of recordings")
