"""A cue as a file, so that a speaker is heard once and extracted often."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from wesep_like.config.atomic import atomic_path
from wesep_like.errors import ModelFileError
from wesep_like.models.cue import CueFrames, SpeakerCue

SUFFIX = ".cue"

_MODEL = "model"
_FRAMES = ("frames", "magnitudes", "keys")
_LEVEL = "levels.{}"


def fingerprint(model: nn.Module) -> str:
    """What tells a model's weights from others', in hexadecimal digits."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(json.dumps([name, list(tensor.shape), str(tensor.dtype)]).encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:32]


def write_cue(path: str | Path, cue: SpeakerCue, model: str) -> None:
    """Writes the cue of one speaker as safetensors.

    Args:
        path: Of the file.
        cue: Of one enrollment.
        model: Fingerprint of the model that it is of.

    Raises:
        OutputError: If the file cannot be written.
    """
    tensors = {name: getattr(cue, name).values for name in _FRAMES if getattr(cue, name)}
    tensors |= {_LEVEL.format(n): level.values for n, level in enumerate(cue.levels or ())}
    if cue.embedding is not None:
        tensors["embedding"] = cue.embedding
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_path(path) as draft:
        draft.write_bytes(save(whole, {_MODEL: model}))


def read_cue(path: str | Path, model: str, device: torch.device) -> SpeakerCue:
    """The cue in a file.

    Args:
        path: Of the file.
        model: Fingerprint of the model that will be told.
        device: Where to.

    Raises:
        ModelFileError: If it is no such file, or is of another model.
    """
    try:
        with safe_open(path, "pt") as file:
            names, of_model = file.keys(), (file.metadata() or {}).get(_MODEL)
            tensors = {name: file.get_tensor(name).to(device) for name in names}
    except (OSError, SafetensorError) as error:
        raise ModelFileError(
            f"{path}: cannot be read as a cue ({error}). 'wesep-like enroll' makes one"
        ) from error
    levels = [name for name in map(_LEVEL.format, range(len(tensors))) if name in tensors]
    if of_model is None or not tensors.keys() <= {"embedding", *_FRAMES, *levels}:
        raise ModelFileError(f"{path}: is no cue. 'wesep-like enroll' makes one")
    if of_model != model:
        raise ModelFileError(
            f"{path}: is a cue for another model. Enroll again with the model that extracts"
        )
    frames = {name: CueFrames(tensors[name]) for name in _FRAMES if name in tensors}
    heard = tuple(CueFrames(tensors[name]) for name in levels) or None
    return SpeakerCue(tensors.get("embedding"), levels=heard, **frames)
