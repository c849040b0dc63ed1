"""The name of a device becomes a device."""

from __future__ import annotations

import torch

from wesep_like.errors import ConfigError


def find_device(name: str | torch.device) -> torch.device:
    """The device called `auto` (a GPU if there is one), `cpu`, `cuda` or `cuda:1`.

    Raises:
        ConfigError: If there is no such device here.
    """
    if isinstance(name, torch.device):
        return name
    has_cuda = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if has_cuda else "cpu")
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()):
        raise ConfigError(f"device: expected auto, cpu or cuda, got {name!r}")
    if kind == "cuda" and not has_cuda:
        raise ConfigError(
            f"device: {name!r} was asked for, but torch {torch.__version__} sees no GPU here. "
            "Use 'cpu' or 'auto'."
        )
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device: {name!r} was asked for, but the GPUs here are {torch.cuda.device_count()}, "
            "counted from 0"
        )
    return torch.device(name)
