"""Memory of the process on a CPU: what a step frees, the next step takes again."""

from __future__ import annotations

import ctypes
import sys

# Parameters of glibc's mallopt(3).
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> None:
    """Freed memory stays with the process, where the C library is glibc; elsewhere nothing happens.

    Else glibc gives every large tensor back to the kernel, and each step waits for the kernel to
    clear the same pages anew: a third of a training step and more. It is for a process of our own,
    and not for a library to do to its caller's.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, -1)  # never
        mallopt(_TOP_PAD, 2**26)
