"""`wesep-like config check`: whether a config is right, before anything is run."""

from __future__ import annotations

import typer

from wesep_like.cli import options

EXAMPLES = ("wesep-like config check conf/mini/bsrnn.yaml model.fusion.name=concat",)


def check(config: options.Config, overrides: options.Overrides = None) -> None:
    """Find all that is wrong with CONFIG, without reading data, and say what it describes."""
    from wesep_like import experiment

    typer.echo(experiment.check(config, overrides or []))
