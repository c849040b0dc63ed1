"""`wesep-like train`: a run as a config says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wesep_like.cli import options

EXAMPLES = (
    "wesep-like train conf/mini/bsrnn.yaml --output exp/film model.fusion.name=film",
    "wesep-like train conf/mini/bsrnn.yaml --output exp/film model.fusion.name=film --resume",
)


def run(
    config: options.Config,
    overrides: options.Overrides = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="EXP", help="Experiment folder: model, checkpoints, curves."
        ),
    ] = ...,  # type: ignore[assignment]
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in EXP.")
    ] = False,
    device: options.Device = "auto",
) -> None:
    """Train as CONFIG says, and keep all of the run in one folder."""
    from wesep_like import experiment

    experiment.train(config, overrides or [], output, resume=resume, device=device)
