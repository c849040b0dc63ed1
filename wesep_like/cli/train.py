"""`wesep-like train`: a run as a config says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wesep_like.cli import options

EXAMPLES = (
    "wesep-like train conf/mini/bsrnn.yaml --output exp/film model.fusion.name=film",
    "wesep-like train conf/mini/bsrnn.yaml --output exp/film model.fusion.name=film --resume",
    "wesep-like train conf/mini/bsrnn.yaml model.fusion.name=film --dry-run",
)


def run(
    config: options.Config,
    overrides: options.Overrides = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="EXP",
            help="Experiment folder: model, checkpoints, curves. Needed, but for --dry-run.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in EXP.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Only take a few steps, write nothing, and print shapes, memory and how long the "
            "run would take.",
        ),
    ] = False,
    device: options.Device = "auto",
) -> None:
    """Train as CONFIG says, and keep all of the run in one folder."""
    from wesep_like import experiment

    if dry_run:
        from wesep_like.experiment import dry_run as dry

        typer.echo(dry.dry_run(config, overrides or [], device=device))
        return
    if output is None:
        raise options.UsageError(
            "--output: missing. Name the folder that the run is kept in, or only look what it "
            "would take with --dry-run"
        )
    experiment.train(config, overrides or [], output, resume=resume, device=device)
