"""From a config file to a checked experiment of its task."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from wesep_like.config.files import read_config
from wesep_like.config.sections import Problems, nearest, read_section
from wesep_like.errors import ConfigError
from wesep_like.experiment.base import Experiment
from wesep_like.experiment.extraction.sections import ExtractionExperiment
from wesep_like.experiment.self_supervised.sections import SelfSupervisedExperiment
from wesep_like.experiment.verification.sections import VerificationExperiment

_TASKS: dict[str, type[Experiment]] = {
    "extraction": ExtractionExperiment,
    "verification": VerificationExperiment,
    "self_supervised": SelfSupervisedExperiment,
}


def read_experiment(
    config_path: str | Path, overrides: Sequence[str] = ()
) -> tuple[Experiment, dict[str, Any]]:
    """The checked config, and the same as a mapping with every default written out.

    Raises:
        ConfigError: With everything that is wrong, each line with the file's name.
    """
    config = read_config(config_path, overrides)
    kind = _kind(config, str(config_path))
    problems = Problems()
    problems.lines.extend(_misplaced_weights(config.get("model")))
    experiment, model = None, None
    with problems.collecting():
        experiment = read_section(kind, config, "")
    with problems.collecting():
        if isinstance(config.get("model"), Mapping):
            # A wrong sample rate, told above, must not hide what is wrong with the model.
            rate = experiment.sample_rate if experiment else 16000
            with torch.device("meta"):
                model = kind.build_model(config["model"], rate)
    if experiment is not None:
        problems.lines.extend(experiment.problems_with(model))
    if experiment is None or problems.lines:
        raise ConfigError(f"{config_path}: {line}" for line in dict.fromkeys(problems.lines))
    return experiment, {**dataclasses.asdict(experiment), "model": experiment.resolved_model()}


def _misplaced_weights(model: object) -> list[str]:
    """Takes first weights out of the sections of parts, and says where they are to be named."""
    lines = []
    for part, section in model.items() if isinstance(model, Mapping) else ():
        if isinstance(section, dict) and "weights" in section:
            source = section.pop("weights")
            lines.append(
                f"model.{part}.weights: first weights are named elsewhere. Set init.{part}={source}"
            )
    return lines


def _kind(config: Mapping[str, Any], config_path: str) -> type[Experiment]:
    known = ", ".join(_TASKS)
    if "task" not in config:
        raise ConfigError(f"{config_path}: task: missing. Expected one of {known}")
    task = config["task"]
    if not isinstance(task, str) or task not in _TASKS:
        raise ConfigError(
            f"{config_path}: task: expected one of {known}, got {task!r}{nearest(task, _TASKS)}"
        )
    return _TASKS[task]
