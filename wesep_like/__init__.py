"""Target-speaker extraction: one person's voice out of a recording where several speak.

Importing the package imports no torch; the first use of a name below does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from wesep_like.errors import WesepLikeError

if TYPE_CHECKING:
    from wesep_like.inference.embedder import Embedder as Embedder
    from wesep_like.inference.embedder import load_encoder as load_encoder
    from wesep_like.inference.extractor import Extractor as Extractor
    from wesep_like.inference.extractor import load_model as load_model

__version__ = "0.1.0"

__all__ = [
    "Embedder",
    "Extractor",
    "WesepLikeError",
    "__version__",
    "load_encoder",
    "load_model",
]

_HOMES = {
    "Embedder": "wesep_like.inference.embedder",
    "Extractor": "wesep_like.inference.extractor",
    "load_encoder": "wesep_like.inference.embedder",
    "load_model": "wesep_like.inference.extractor",
}


def __getattr__(name: str) -> Any:
    """The public name, imported now."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
