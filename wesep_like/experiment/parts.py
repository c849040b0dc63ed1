"""Parts that the runs of all tasks have: first weights, optimisers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor, nn

from wesep_like.errors import ConfigError, ModelFileError
from wesep_like.experiment.base import Experiment
from wesep_like.interop.checkpoints import SUFFIXES, read_published_encoder
from wesep_like.models.model_file import (
    ENCODER_TASKS,
    WEIGHTS,
    load_weights,
    read_model_config,
    read_weights,
    resolve_model_folder,
)
from wesep_like.models.speakers import SpeakerModule
from wesep_like.tasks.parameter_groups import MakeOptimizer


def optimizer_maker(experiment: Experiment) -> MakeOptimizer:
    """From groups of parameters to the optimiser and its schedule."""

    def make(groups: list[dict[str, Any]]) -> tuple[Any, Any]:
        optimizer = experiment.optimizer.build(groups)
        return optimizer, experiment.schedule.build(optimizer, experiment.trainer.num_steps)

    return make


@contextmanager
def initialising(where: str) -> Iterator[None]:
    """What is wrong with first weights is told with the key that asks for them."""
    try:
        yield
    except ModelFileError as error:
        raise ModelFileError(f"{where}: {error}") from error


def initialise_speaker(speaker: SpeakerModule, source: str) -> None:
    """Copies the weights of a speaker module.

    Args:
        speaker: Gets them.
        source: An experiment or model folder of an encoder, or of a model that has one; a published
            checkpoint (.pt); or `bundled`.

    Raises:
        ModelFileError: If there are none, or they are of another architecture; tells which.
    """
    if source.endswith(SUFFIXES):
        load_weights(speaker, read_published_encoder(source), source)
        return
    folder = resolve_model_folder(source)
    weights = weights_of_part(folder, "speaker")
    try:
        load_weights(speaker, weights, folder / WEIGHTS)
    except ModelFileError as error:
        fitting = read_model_config(folder)["model"].get("speaker")
        told = yaml.safe_dump(fitting, default_flow_style=True, sort_keys=False, width=math.inf)
        raise ModelFileError(f"{error}: model.speaker='{told.strip()}'") from error


def weights_of_part(folder: Path, part: str) -> dict[str, Tensor]:
    """The weights of one part in a model file; those of an encoder are of one part as a whole."""
    weights = read_weights(folder / WEIGHTS)
    if read_model_config(folder)["task"] in ENCODER_TASKS:
        return weights
    prefix = f"{part}."
    return {key[len(prefix) :]: v for key, v in weights.items() if key.startswith(prefix)}


def check_batch_size(batch_size: int, speaker: nn.Module, config_path: str) -> None:
    """Goes on only if there are enough examples in a batch for what it is to be learnt by.

    Raises:
        ConfigError: If there is one, and BatchNorm is to learn.
    """
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d)
    learns = any(part.training for part in speaker.modules() if isinstance(part, kinds))
    if batch_size == 1 and learns:
        raise ConfigError(
            f"{config_path}: trainer.batch_size: expected at least 2 where a speaker module with "
            "BatchNorm learns, got 1"
        )
