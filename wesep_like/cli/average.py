"""`wesep-like average`: several models of one config become one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wesep_like.cli.options import UsageError

EXAMPLES = (
    "wesep-like average exp/film",
    "wesep-like average exp/film --last 3 -o exp/film/last_3",
    "wesep-like average exp/seed_0 exp/seed_1 exp/seed_2 -o exp/seeds",
)


def run(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="EXP",
            help="Experiment folder, whose kept models are averaged; or several model or "
            "experiment folders, which are averaged themselves.",
        ),
    ],
    best: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="The best N. [default: the best 5, or fewer]"),
    ] = None,
    last: Annotated[int | None, typer.Option(min=1, metavar="N", help="The last N.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Model folder. [default: EXP/averaged]"
        ),
    ] = None,
) -> None:
    """Average the weights of several models of one config.

    Those of an experiment are of the validations that its trainer.keep_best and trainer.keep_last
    have kept.
    """
    from wesep_like.models.averaging import average_models
    from wesep_like.models.model_file import resolve_model_folder
    from wesep_like.training.kept_folders import check_not_of_run, choose_models, find_kept_models

    if best is not None and last is not None:
        raise UsageError("--best and --last do not go together. Leave out one")
    if len(models) == 1:
        (experiment,) = models
        chosen = choose_models(find_kept_models(experiment), best=best, last=last)
        folders = [model.folder for model in chosen]
        lines = [f"step {model.step}: {model.validated.told(model.value)}" for model in chosen]
        output = output or experiment / "averaged"
    else:
        if best is not None or last is not None:
            raise UsageError("--best and --last are for the models of one experiment. Name one")
        if output is None:
            raise UsageError("several models: expected -o FOLDER, which says where the mean goes")
        folders = [resolve_model_folder(model) for model in models]
        lines = [str(folder) for folder in folders]
    check_not_of_run(output)
    average_models(folders, output)
    for line in lines:
        typer.echo(line)
    typer.echo(f"{output}: mean of {len(folders)} models")
