"""Published checkpoint files.

The module names of our encoders are those of WeSpeaker and mostly those of 3D-Speaker, so what is
foreign about a file of theirs is what it may carry besides the encoder.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor

from wesep_like.errors import ModelFileError
from wesep_like.interop.threed_speaker import wespeaker_names
from wesep_like.interop.wespeaker import encoder_weights

SUFFIXES = (".pt", ".pth", ".bin", ".ckpt")


def read_published_encoder(path: str | Path) -> dict[str, Tensor]:
    """The encoder's tensors in a published checkpoint, without its training head.

    Raises:
        ModelFileError: See `read_published_state`.
    """
    return encoder_weights(wespeaker_names(read_published_state(path)))


def read_published_state(path: str | Path) -> dict[str, Tensor]:
    """The tensors in a published checkpoint.

    Args:
        path: A file that `torch.save` wrote: a flat state dict, or one under `state_dict`, `model`
            or, as the first of a list, `models`.

    Raises:
        ModelFileError: If it is none, or holds anything but tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelFileError(f"{path}: no such file. Name a checkpoint or a model folder")
    try:
        with warnings.catch_warnings():
            # A foreign pickle is told of below, if it cannot be read, and is no matter if it can.
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # bytes that are no pickle make the unpickler fail in any way
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelFileError(
            f"{path}: not a checkpoint of weights ({reason}). Expected a file written by torch.save"
        ) from error
    if isinstance(state, dict) and isinstance(state.get("models"), list) and state["models"]:
        state = state["models"][0]
    for wrapper in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict) or not all(torch.is_tensor(value) for value in state.values()):
        raise ModelFileError(
            f"{path}: not a checkpoint of weights. Expected a dictionary of tensors"
        )
    return state
