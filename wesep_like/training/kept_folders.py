"""The models of validations that an experiment folder has, and the best and last of them."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wesep_like.errors import ModelFileError, OutputError
from wesep_like.models.model_file import WEIGHTS, read_model_config
from wesep_like.tasks.validated import VALIDATED, Validated

BEST_MODEL = "model"  # in the folder of a run
MODELS = "checkpoints/models"  # likewise
PREFIX = "step_"  # of a folder's name
_METRICS = "metrics.csv"
_DEFAULT_COUNT = 5


@dataclass(frozen=True)
class KeptModel:
    """A model of a validation.

    Attributes:
        step: After so many steps.
        value: What the validation found.
        validated: What that is.
        folder: The model file.
    """

    step: int
    value: float
    validated: Validated
    folder: Path


def folder_name(step: int) -> str:
    """What the folder of the model after `step` steps is called."""
    return f"{PREFIX}{step}"


def best_steps(values: Iterable[tuple[int, float]], count: int) -> list[int]:
    """Of pairs (step, value), the steps of the `count` largest values.

    Of equal ones the earlier counts as larger; not a number is the smallest.
    """
    ordered = sorted(values, key=lambda one: (math.isnan(one[1]), -one[1], one[0]))
    return [step for step, _ in ordered[:count]]


def find_kept_models(experiment: Path) -> list[KeptModel]:
    """The models that were kept in an experiment folder, in the order of their steps.

    Raises:
        ModelFileError: If there are none, or nothing says how good they are.
    """
    steps = sorted(
        int(folder.name.removeprefix(PREFIX))
        for folder in (experiment / MODELS).glob(f"{PREFIX}*")
        if folder.name.removeprefix(PREFIX).isdecimal() and (folder / WEIGHTS).is_file()
    )
    if not experiment.is_dir():
        raise ModelFileError(f"{experiment}: no such folder. Name an experiment folder")
    if not steps:
        raise ModelFileError(
            f"{experiment}: no models of validations in {MODELS}. Name an experiment folder; "
            "train keeps them unless trainer.keep_best and trainer.keep_last are 0"
        )
    newest = experiment / MODELS / folder_name(steps[-1])
    validated = VALIDATED[read_model_config(newest)["task"]]
    values = _validations(experiment / _METRICS, validated.name)
    for step in steps:
        if step not in values:
            raise ModelFileError(
                f"{experiment / _METRICS}: no {validated.name} of step {step}, of which {MODELS} "
                "has a model. Remove that model, or name the folders of the models to average"
            )
    return [
        KeptModel(step, values[step], validated, experiment / MODELS / folder_name(step))
        for step in steps
    ]


def choose_models(
    models: Sequence[KeptModel], *, best: int | None = None, last: int | None = None
) -> list[KeptModel]:
    """The best or the last of `models`, in the order of their steps.

    Args:
        models: In the order of their steps.
        best: How many of the best.
        last: How many of the last; of neither: the best five, or as many as there are.

    Raises:
        ModelFileError: If there are fewer.
    """
    count = best or last or min(_DEFAULT_COUNT, len(models))
    if count > len(models):
        raise ModelFileError(
            f"{models[0].folder.parent}: {count} models were asked for, but there are "
            f"{len(models)}. Ask for fewer; trainer.keep_best and trainer.keep_last say how many "
            "are kept"
        )
    if last is not None:
        return list(models[-count:])
    values = ((model.step, model.validated.goodness(model.value)) for model in models)
    chosen = best_steps(values, count)
    return [model for model in models if model.step in chosen]


def check_not_of_run(folder: Path) -> None:
    """Goes on only if `folder`, which is to be written, is none that training writes.

    Raises:
        OutputError: If a run keeps its best model there, or that of a validation.
    """
    path = folder.resolve()
    is_best = path.name == BEST_MODEL and (path.parent / MODELS).parent.is_dir()
    if is_best or (path.name.startswith(PREFIX) and path.parent.match(MODELS)):
        what = "its best model" if is_best else "the models of validations"
        raise OutputError(
            f"{folder}: is where training keeps {what}. Name another folder, such as EXP/averaged"
        )


def _validations(path: Path, name: str) -> dict[int, float]:
    """What each validation found of `name`, by step."""
    if not path.is_file():
        raise ModelFileError(
            f"{path}: there is no such file, which says how good the models are. Name an "
            "experiment folder as train leaves it, or the folders of the models to average"
        )
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        return {int(row["step"]): float(row[name]) for row in rows if row.get(name)}
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{path}: expected a table with the columns step and {name}, as train writes it"
        ) from error
