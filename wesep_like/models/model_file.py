"""The model file: a folder of `config.yaml` and `model.safetensors`, and no pickled classes.

`config.yaml` is the resolved config of the experiment; `task`, `sample_rate` and `model` are what
loading needs. Weights may be stored in half precision; they are always loaded as float32.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from wesep_like import bundle
from wesep_like.config.files import read_config, write_config
from wesep_like.errors import ConfigError, ModelFileError
from wesep_like.models.build import build_speaker, build_tse
from wesep_like.models.speakers import SpeakerModule
from wesep_like.models.tse import TSEModel

CONFIG = "config.yaml"
WEIGHTS = "model.safetensors"
BUNDLED = "bundled"

ENCODER_TASKS = ("verification", "self_supervised")  # their models are plain speaker encoders
_TASKS = ("extraction", *ENCODER_TASKS)


def save_model(
    folder: str | Path,
    model: nn.Module,
    config: Mapping[str, Any],
    *,
    half_precision: Collection[str] = (),
) -> None:
    """Writes the model file `folder`; an older one there is replaced as a whole.

    Args:
        folder: Made with its parents.
        model: What `config` describes.
        config: The resolved config.
        half_precision: Submodules whose weights are stored in 16 bit.
    """
    save_weights(folder, model.state_dict(), config, half_precision=half_precision)


def save_weights(
    folder: str | Path,
    weights: Mapping[str, Tensor],
    config: Mapping[str, Any],
    *,
    half_precision: Collection[str] = (),
) -> None:
    """The same of the state of a model, `weights`."""
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefixes = tuple(f"{name}." for name in half_precision)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        stored = {
            key: _stored(value, is_half=key.startswith(prefixes)) for key, value in weights.items()
        }
        # safetensors' own way to a file lets nobody but its owner read it.
        (new / WEIGHTS).write_bytes(save(stored))
        write_config(new / CONFIG, config)
        if folder.exists():
            folder.rename(Path(scratch) / "old")
        new.rename(folder)


def load_model(folder: str | Path, *, trust_code: bool = False) -> TSEModel | SpeakerModule:
    """The model in the model file `folder`, on the CPU and in evaluation mode.

    Args:
        folder: A model file; see `resolve_model_folder` for what else a user may name.
        trust_code: Import classes that its config names by `module:Class`.

    Raises:
        ModelFileError: If it is none, or its weights are not those of the model that it describes.
    """
    folder = Path(folder)
    config = read_model_config(folder)
    where = folder / CONFIG
    is_encoder = config["task"] in ENCODER_TASKS
    build: Callable[..., TSEModel | SpeakerModule] = build_speaker if is_encoder else build_tse
    weights = read_weights(folder / WEIGHTS)
    try:
        model = build(
            config["model"],
            config["sample_rate"],
            trust_code=trust_code,
            # Under this name are the weights of an encoder that is an ONNX graph.
            graph=weights.get("graph" if is_encoder else "speaker.graph"),
        )
    except ConfigError as error:
        raise ModelFileError(f"{where}: {'; '.join(error.problems)}") from error
    load_weights(model, weights, folder / WEIGHTS)
    model.eval()
    return model


def read_model_config(folder: str | Path) -> dict[str, Any]:
    """The config in the model file `folder`.

    Raises:
        ModelFileError: If `folder` is not a model file.
    """
    folder = Path(folder)
    if not (folder / CONFIG).is_file() or not (folder / WEIGHTS).is_file():
        raise ModelFileError(
            f"{folder}: not a model (no such folder, or no {CONFIG} and {WEIGHTS} in it). "
            "Name an experiment folder or the model folder in it"
        )
    try:
        config = read_config(folder / CONFIG)
    except ConfigError as error:
        raise ModelFileError("; ".join(error.problems)) from error
    task = config.get("task")
    if task not in _TASKS:
        raise ModelFileError(
            f"{folder / CONFIG}: task: expected one of {', '.join(_TASKS)}, got {task!r}"
        )
    if type(config.get("sample_rate")) is not int or not isinstance(config.get("model"), dict):
        raise ModelFileError(
            f"{folder / CONFIG}: expected the keys sample_rate (Hz) and model, as train writes them"
        )
    return config


def resolve_model_folder(path: str | Path | None = None) -> Path:
    """The model file that a user means.

    Args:
        path: A model folder, an experiment folder, or a file in one; None or `bundled` is the
            extraction model that comes with the package.

    Raises:
        ModelFileError: If there is none.
    """
    if path is None or str(path) == BUNDLED:
        folder = bundle.path() / "extraction"
        if not folder.is_dir():
            raise ModelFileError(
                f"{folder}: the bundled model is missing. Install wesep-like anew, or name a model"
            )
        return folder
    path = Path(path)
    if not path.exists():
        raise ModelFileError(
            f"{path}: no such file or folder. Name an experiment folder or the model folder in it"
        )
    folder = path if path.is_dir() else path.parent
    if path.is_file() and path.name not in (CONFIG, WEIGHTS):
        raise ModelFileError(
            f"{path}: not a model. Name the folder that holds {CONFIG} and {WEIGHTS}"
        )
    in_experiment = folder / "model"
    return in_experiment if (in_experiment / WEIGHTS).is_file() else folder


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """The tensors in a safetensors file.

    Raises:
        ModelFileError: If it is none.
    """
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelFileError(
            f"{path}: not a safetensors file, or damaged ({error}). Copy or train it again"
        ) from error


def load_weights(model: nn.Module, weights: Mapping[str, Tensor], where: str | Path) -> None:
    """Copies `weights` into `model`; all of them, and nothing else.

    Raises:
        ModelFileError: If keys or shapes differ.
    """
    own = model.state_dict()
    missing = [key for key in own if key not in weights]
    unexpected = [key for key in weights if key not in own]
    misshapen = [key for key in own if key in weights and own[key].shape != weights[key].shape]
    if missing or unexpected or misshapen:
        wrong = {"missing": missing, "unexpected": unexpected, "of another shape": misshapen}
        told = [f"{len(keys)} {what} (as {keys[0]})" for what, keys in wrong.items() if keys]
        if misshapen:
            found, wanted = (_shape(of[misshapen[0]]) for of in (weights, own))
            told[-1] = f"{told[-1][:-1]}: {found}, not {wanted})"
        raise ModelFileError(
            f"{where}: belongs to another architecture: of {len(own)} tensors of the model, "
            f"{', '.join(told)}. Use the config that it was trained with"
        )
    model.load_state_dict({key: weights[key].to(own[key].dtype) for key in own})


def _shape(value: Tensor) -> str:
    return " x ".join(map(str, value.shape)) or "a number"


def _stored(value: Tensor, *, is_half: bool) -> Tensor:
    value = value.detach().cpu().contiguous()
    return value.to(torch.float16) if is_half and value.is_floating_point() else value
