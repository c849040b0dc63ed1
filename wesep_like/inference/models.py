"""What a user may name as a model: ours, and those that WeSep and WeSpeaker published."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from wesep_like.errors import ConfigError, ModelFileError
from wesep_like.interop.folder import WEIGHTS as PUBLISHED_WEIGHTS
from wesep_like.interop.folder import is_published, load_published_folder
from wesep_like.interop.published import SAMPLE_RATE
from wesep_like.models import TSEModel, build_speaker
from wesep_like.models.model_file import (
    WEIGHTS,
    load_model,
    read_model_config,
    resolve_model_folder,
)
from wesep_like.models.speakers import SpeakerModule

ONNX_SUFFIX = ".onnx"
_BLOCK_BYTES = 1 << 20


class NamedModel(NamedTuple):
    """A model, and where it is from."""

    model: TSEModel | SpeakerModule
    config: dict[str, Any]  # has `task`, `sample_rate` in Hz, and `model`
    weights: Path

    @property
    def place(self) -> Path:
        """The folder that it is from, or the ONNX file."""
        return self.weights if self.weights.suffix == ONNX_SUFFIX else self.weights.parent

    def digest(self) -> str:
        """16 hexadecimal digits, the same for what computes the same, wherever it lies."""
        # An ONNX file says all of itself; what else is in its config is where it lies.
        said = {} if self.weights.suffix == ONNX_SUFFIX else self.config["model"]
        about = json.dumps([self.config["sample_rate"], said], sort_keys=True)
        found = hashlib.sha256(about.encode())
        with self.weights.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                found.update(block)
        return found.hexdigest()[:16]


def find_model(path: str | Path | None = None, *, trust_code: bool = False) -> NamedModel:
    """The model that a user means, on the CPU and in evaluation mode.

    It is as it runs fastest, and not to be trained on: see `SpeakerModule.merge_branches`.

    Args:
        path: See `resolve_model_folder`; or a published folder of `config.yaml` and `avg_model.pt`,
            or an encoder that WeSpeaker exported (.onnx).
        trust_code: Import classes that its config names by `module:Class`.

    Raises:
        ModelFileError: If there is none, or it cannot be loaded.
    """
    if path is not None and Path(path).suffix == ONNX_SUFFIX and not Path(path).is_dir():
        return _exported_encoder(Path(path))
    folder = resolve_model_folder(path)
    if is_published(folder):
        model, config = load_published_folder(folder)
        weights = folder / PUBLISHED_WEIGHTS
    else:
        model = load_model(folder, trust_code=trust_code)
        config, weights = read_model_config(folder), folder / WEIGHTS
    for module in list(model.modules()):
        if isinstance(module, SpeakerModule):
            module.merge_branches()
    return NamedModel(model, config, weights)


def _exported_encoder(path: Path) -> NamedModel:
    """The encoder in an ONNX file, with the features that WeSpeaker's take."""
    section = {"speaker": {"name": "onnx", "path": str(path)}}
    try:
        model = build_speaker(section, SAMPLE_RATE)
    except ConfigError as error:
        raise ModelFileError(str(error).removeprefix("model.speaker.path: ")) from error
    config = {"task": "verification", "sample_rate": SAMPLE_RATE, "model": section}
    return NamedModel(model.eval(), config, path)
