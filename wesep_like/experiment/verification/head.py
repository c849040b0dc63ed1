"""First weights of the losses, from another run that told some of the same classes apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wesep_like.errors import ModelFileError
from wesep_like.tasks.verification import WeightedSpeakerLoss

_CHECKPOINTS = ("checkpoints/best.ckpt", "checkpoints/last.ckpt")


def initialise_head(
    losses: Sequence[WeightedSpeakerLoss], classes: Sequence[str], source: str, where: str
) -> None:
    """Copies the weights of losses, each class's of the class of the same name.

    So a run without changed speeds begins with the weights of the unchanged voices of one with
    them, as large-margin fine-tuning does. Margins that are learnt begin where the config of this
    run says: else a larger one would not be held.

    Args:
        losses: Get the weights; as many and of the same kinds as those of the other run.
        classes: What they tell apart.
        source: The experiment folder of the other run, of which the best checkpoint is read, else
            the last; or one of its checkpoints.
        where: Key path, for messages.

    Raises:
        ModelFileError: If there is none, or its losses or classes are others.
    """
    paths = (Path(source), *(Path(source, name) for name in _CHECKPOINTS))
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise ModelFileError(
            f"{where}: {source} has no {' or '.join(_CHECKPOINTS)}. Name the experiment folder of "
            "a run with task verification, or a checkpoint in it"
        )
    checkpoint = _read(path, where)
    old = checkpoint["classes"]
    lost = [name for name in classes if name not in set(old)]
    if lost:
        raise ModelFileError(
            f"{where}: {path} has no weights of {len(lost)} of {len(classes)} speakers "
            f"(as {lost[0]!r}). Train on speakers that it was trained on, or set it to null"
        )
    places = {name: place for place, name in enumerate(old)}
    rows = torch.tensor([places[name] for name in classes])
    for number, weighted in enumerate(losses):
        prefix = f"head.{number}."
        anew = weighted.loss.begin_anew
        own = {name: v for name, v in weighted.loss.state_dict().items() if name not in anew}
        fitted = {
            key[len(prefix) :]: _of_classes(value, rows, len(old))
            for key, value in checkpoint["state_dict"].items()
            if key.startswith(prefix) and key[len(prefix) :] not in anew
        }
        if {name: value.shape for name, value in fitted.items()} != {
            name: value.shape for name, value in own.items()
        }:
            raise ModelFileError(
                f"{where}: {path} has other weights for {weighted.name!r}. Use the losses of that "
                "run, with margins as you like, or set it to null"
            )
        weighted.loss.load_state_dict(fitted, strict=False)  # without those that begin anew


def _read(path: Path, where: str) -> dict[str, Any]:
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch has no class of its own for what is wrong with a file
        raise ModelFileError(f"{where}: {path} cannot be read ({error})") from error
    if not isinstance(checkpoint, dict) or "classes" not in checkpoint:
        raise ModelFileError(
            f"{where}: {path} is of no run with task verification. Name the folder of such a run"
        )
    return checkpoint


def _of_classes(weight: Tensor, rows: Tensor, num_old: int) -> Tensor:
    """The classes `rows` of a weight that has as many rows for each class; else all of it."""
    if weight.ndim == 0 or len(weight) == 0 or len(weight) % num_old:
        return weight
    return weight.unflatten(0, (num_old, -1))[rows].flatten(0, 1)
