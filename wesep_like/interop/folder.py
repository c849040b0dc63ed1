"""Model folders as WeSep and WeSpeaker publish them: `config.yaml` and `avg_model.pt`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wesep_like.config.files import read_config
from wesep_like.errors import ConfigError, ModelFileError
from wesep_like.interop.checkpoints import read_published_state
from wesep_like.interop.published import (
    GivenEmbedding,
    PublishedEncoder,
    PublishedExtraction,
    load_published,
)
from wesep_like.models import TSEModel
from wesep_like.models.speakers import SpeakerModule

CONFIG = "config.yaml"
WEIGHTS = "avg_model.pt"


def is_published(folder: str | Path) -> bool:
    """Whether `folder` is a model as it was published."""
    return (Path(folder) / CONFIG).is_file() and (Path(folder) / WEIGHTS).is_file()


def load_published_folder(
    folder: str | Path,
) -> tuple[TSEModel | SpeakerModule, dict[str, Any]]:
    """The model in a published folder, on the CPU and in evaluation mode, and its config.

    The config says how we call its parts: `task`, `sample_rate` and `model`.

    Raises:
        ModelFileError: If its class or arguments are unknown here, the weights are not theirs, or
            it has no speaker encoder.
    """
    folder = Path(folder)
    try:
        config = read_config(folder / CONFIG)
    except ConfigError as error:
        raise ModelFileError("; ".join(error.problems)) from error
    source, args = _class_and_arguments(config, folder / CONFIG)
    published = load_published(source, args, read_published_state(folder / WEIGHTS))
    if isinstance(published, PublishedExtraction):
        if isinstance(published.model.speaker, GivenEmbedding):
            raise ModelFileError(
                f"{folder / CONFIG}: joint_training is false: the model takes embeddings that an "
                "encoder of its own made, which is not in it. Use load_published with them"
            )
        return published.model, published.config
    assert isinstance(published, PublishedEncoder)
    return published.speaker, published.config


def _class_and_arguments(config: dict[str, Any], where: Path) -> tuple[str, dict[str, Any]]:
    """`WeSep BSRNN` and what its constructor was given."""
    name, args = config.get("model"), config.get("model_args")
    toolkit = "WeSpeaker"
    if isinstance(name, dict) and isinstance(args, dict):
        toolkit, name, args = "WeSep", name.get("tse_model"), args.get("tse_model")
    if not isinstance(name, str) or not isinstance(args, dict):
        raise ModelFileError(
            f"{where}: expected the keys model and model_args, as WeSpeaker writes them, or "
            "tse_model under both, as WeSep does"
        )
    return f"{toolkit} {name}", args
