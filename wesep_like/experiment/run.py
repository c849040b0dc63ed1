"""A run: begun, or gone on with; or only checked."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from wesep_like.config.atomic import make_folder
from wesep_like.config.files import write_config
from wesep_like.errors import ConfigError, OutputError
from wesep_like.experiment.build import build
from wesep_like.experiment.sections import read_experiment
from wesep_like.inference.device import find_device
from wesep_like.models.model_file import CONFIG
from wesep_like.training import engine
from wesep_like.training.processes import is_first, speaking_as_one

_log = logging.getLogger(__name__)


@speaking_as_one()
def train(
    config_path: str | Path,
    overrides: Sequence[str],
    output: str | Path,
    *,
    resume: bool = False,
    device: str = "auto",
) -> None:
    """Trains as a config says.

    Args:
        config_path: YAML.
        overrides: `key.path=value` each.
        output: The experiment folder.
        resume: Go on from the last checkpoint in it; without one, start.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        ConfigError: With everything that is wrong with the config.
        OutputError: If the folder has another run in it, or cannot be made.
        RunEndedError: If it was ended from outside.
        WesepLikeError: If data or first weights cannot be used.
    """
    place = find_device(device)
    experiment, resolved = read_experiment(config_path, overrides)
    engine.precision(experiment.trainer, place)  # told before anything is read or written
    output = Path(output)
    checkpoint = _find_checkpoint(output, resolved, resume)
    engine.seed(experiment.seed)
    task, loaders = build(experiment, str(config_path))
    make_folder(output)
    if is_first():
        write_config(output / CONFIG, resolved)
    engine.fit(
        task, loaders, output, experiment.trainer, resolved, device=place, checkpoint=checkpoint
    )


def check(config_path: str | Path, overrides: Sequence[str] = ()) -> str:
    """Says what a config describes, after all checks that need no data.

    Raises:
        ConfigError: With everything that is wrong.
    """
    experiment, _ = read_experiment(config_path, overrides)
    with torch.device("meta"):
        model = experiment.build_model(experiment.model, experiment.sample_rate)
    sizes = {part: _num_parameters(module) for part, module in experiment.parts_of(model).items()}
    listed = ", ".join(f"{part} {size / 1e6:.2f} M" for part, size in sizes.items())
    return (
        f"{config_path}: fine. {sum(sizes.values()) / 1e6:.2f} M parameters ({listed}), "
        f"{experiment.trainer.num_steps} steps"
    )


def _find_checkpoint(output: Path, resolved: Mapping[str, Any], resume: bool) -> Path | None:
    """The checkpoint to go on from, or None to start."""
    checkpoint = output / engine.LAST_CHECKPOINT
    if not resume:
        if checkpoint.exists():
            raise OutputError(
                f"{output}: has a run in it. Go on with it by --resume, or name another folder"
            )
        return None
    if not checkpoint.exists():
        _log.info("%s: no checkpoint yet, so the run starts at its first step", output)
        return None
    # Read as a config, so that options that are new since have their defaults.
    _, before = read_experiment(output / CONFIG)
    # How long and how often may change; what is learnt from what may not.
    # Lightning counts batches; of another length, validations would fall between the checkpoints.
    before, now = (_without_length(_as_yaml(config)) for config in (before, resolved))
    changed = _changed(before, now)
    if changed:
        raise ConfigError(
            f"{output / CONFIG}: the run was started with another {', '.join(changed)}. "
            "Resume with the same config, or name another folder"
        )
    return checkpoint


def _without_length(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config; of how long and how often, only how many batches are a step."""
    batches = (config.get("trainer") or {}).get("accumulate_batches", 1)
    return {**config, "trainer": {"accumulate_batches": batches}}


def _changed(before: Any, now: Any, path: str = "") -> list[str]:
    """The paths of keys that have another value; of a part with another name, only of the name."""
    if before == now:
        return []
    if not isinstance(before, Mapping) or not isinstance(now, Mapping):
        return [path]
    below = f"{path}." if path else ""
    if before.get("name") != now.get("name"):
        return [f"{below}name"]
    keys = dict.fromkeys([*before, *now])
    return [one for key in keys for one in _changed(before.get(key), now.get(key), f"{below}{key}")]


def _as_yaml(value: Any) -> Any:
    """The value as it comes back from a YAML file: with lists for tuples."""
    if isinstance(value, Mapping):
        return {key: _as_yaml(entry) for key, entry in value.items()}
    return [_as_yaml(entry) for entry in value] if isinstance(value, list | tuple) else value


def _num_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
