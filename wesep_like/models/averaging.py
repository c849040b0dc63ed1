"""Several models of one config become one: their weights, averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from wesep_like.config.atomic import make_folder
from wesep_like.errors import ModelFileError, OutputError
from wesep_like.models.model_file import (
    CONFIG,
    WEIGHTS,
    read_model_config,
    read_weights,
    save_weights,
)


def average_models(folders: Sequence[Path], output: Path) -> None:
    """Writes the model file `output`, whose weights are the means of those in `folders`.

    Means are taken in double precision. Integers, such as BatchNorm's counters, and the config are
    those of the last.

    Args:
        folders: Model files, the newest last.
        output: A folder; a model file there is replaced.

    Raises:
        ModelFileError: If one is no model file, or is of another config or architecture.
        OutputError: If `output` is one of them, or has other files in it.
    """
    _check_output(output, folders)
    newest = folders[-1]
    config, weights = read_model_config(newest), read_weights(newest / WEIGHTS)
    sums = {name: value.double() for name, value in weights.items() if value.is_floating_point()}
    for folder in folders[:-1]:
        _check_config(folder, newest, config)
        others = read_weights(folder / WEIGHTS)
        _check_shapes(folder, newest, others, weights)
        for name in sums:
            sums[name] += others[name]
    means = {name: (total / len(folders)).to(weights[name].dtype) for name, total in sums.items()}
    make_folder(output.parent)
    save_weights(output, {**weights, **means}, config)


def _check_output(output: Path, folders: Sequence[Path]) -> None:
    if not output.exists():
        return
    if any(output.samefile(folder) for folder in folders if folder.exists()):
        raise OutputError(f"{output}: is an input. Give the output another name")
    # It will be replaced as a whole.
    if not output.is_dir() or not {entry.name for entry in output.iterdir()} <= {CONFIG, WEIGHTS}:
        raise OutputError(f"{output}: is there and is no model folder. Name a new folder")


def _check_config(folder: Path, newest: Path, config: Mapping[str, Any]) -> None:
    other = read_model_config(folder)
    # What loading needs. How they were trained may differ.
    for key in ("task", "sample_rate", "model"):
        path = _difference(other[key], config[key], key)
        if path is not None:
            raise ModelFileError(
                f"{folder / CONFIG}: {path}: not as in {newest / CONFIG}. Only models of one "
                "config can be averaged"
            )


def _difference(one: Any, other: Any, path: str) -> str | None:
    """The path of the first key whose values differ."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return None if one == other else path
    for key in dict.fromkeys([*one, *other]):
        if key not in one or key not in other:
            return f"{path}.{key}"
        found = _difference(one[key], other[key], f"{path}.{key}")
        if found is not None:
            return found
    return None


def _check_shapes(
    folder: Path, newest: Path, weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor]
) -> None:
    for name in dict.fromkeys([*wanted, *weights]):
        shapes = [of[name].shape if name in of else None for of in (weights, wanted)]
        if shapes[0] != shapes[1]:
            raise ModelFileError(
                f"{folder / WEIGHTS}: {name}: missing, or not of one shape, in this and in "
                f"{newest / WEIGHTS}. Only models of one architecture can be averaged"
            )
