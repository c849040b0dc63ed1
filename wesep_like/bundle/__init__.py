"""The model that ships with the package: its weights, its card, a recording to try it on."""

from __future__ import annotations

from pathlib import Path


def path() -> Path:
    """The folder of what ships; the extraction model is in its folder `extraction`."""
    return Path(__file__).parent
