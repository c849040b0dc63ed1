"""The only place that imports torchaudio.

Everything that this package uses of it (resampling) is plain Python on top of PyTorch. Its wheel
also has a compiled part, which is loaded on import and fails where the wheel was built for another
PyTorch: the one on PyPI wants CUDA libraries that a CPU build of PyTorch lacks, and torchaudio
then refuses to be imported at all. A torchaudio without its compiled part is a build that it
supports, so on such a machine it is told that it is one. To be removed when torchaudio imports
without its libraries.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


def import_torchaudio() -> ModuleType:
    """Torchaudio, with its compiled part where that can be loaded."""
    try:
        return importlib.import_module("torchaudio")
    except (OSError, RuntimeError):  # the library cannot be loaded, or is for another CUDA
        _forget("torchaudio")
        sys.modules["torchaudio._extension"] = _absent_extension()
        return importlib.import_module("torchaudio")


def _forget(package: str) -> None:
    """Drops what a failed import has left behind, so that the next one starts anew."""
    for name in list(sys.modules):
        if name == package or name.startswith(f"{package}."):
            del sys.modules[name]


def _absent_extension() -> ModuleType:
    """What `torchaudio._extension` is in a build without the compiled part."""

    def fail_if_no_align(function: Callable[..., Any]) -> Callable[..., Any]:
        def fail(*args: object, **kwargs: object) -> None:
            raise RuntimeError(
                f"{function.__name__} needs torchaudio's compiled part, which is absent here"
            )

        return fail

    module = ModuleType("torchaudio._extension")
    vars(module).update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        _load_lib=lambda library: False,
        fail_if_no_align=fail_if_no_align,
    )
    return module


torchaudio = import_torchaudio()
