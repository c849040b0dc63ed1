"""Sounds inside Kaldi archives, named `FILE.ark:OFFSET` as in Kaldi's lists.

Read here and not by kaldiio, which decodes an entry whole, takes 16 bits only, unpickles an entry
that says it is a pickle, and runs a name that ends in a pipe.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from wesep_like.errors import AudioError

_ENTRY = re.compile(r"(.+):(\d+)", re.DOTALL)
_RIFF_HEADER_BYTES = 8  # "RIFF" and the length of what follows
# A program that writes WAV to a pipe cannot know the length and says about the largest number.
STREAMED_BYTES = 0x7FFF_0000


def split_entry(path: str | os.PathLike[str]) -> tuple[str, int] | None:
    """Archive and offset in bytes, if that is what `path` names; a file of this very name is one.

    Example:
        >>> split_entry("raw/wav.1.ark:83")
        ('raw/wav.1.ark', 83)
    """
    found = _ENTRY.fullmatch(os.fspath(path))
    if found is None or os.path.exists(path):
        return None
    return found[1], int(found[2])


@contextmanager
def open_entry(archive: str, offset: int) -> Iterator[BinaryIO]:
    """A sound in an archive as a file of its own: WAV, FLAC, or what kaldiio writes as "AUDIO".

    Raises:
        AudioError: If the archive ends within it.
    """
    with open(archive, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(offset)
        kind = file.read(5)
        start, stop = offset, size
        if kind[:4] == b"RIFF":
            file.seek(offset + 4)
            num_bytes = int.from_bytes(file.read(4), "little")
            if 0 < num_bytes < STREAMED_BYTES:
                stop = offset + _RIFF_HEADER_BYTES + num_bytes
        elif kind == b"AUDIO":
            # The number of bytes of the length, then the length.
            (width,) = file.read(1) or b"\0"
            stop = int.from_bytes(file.read(width), "little") + file.tell()
            start = file.tell()
        if stop > size or not kind:
            raise AudioError(
                f"{archive}:{offset}: is cut short (the archive ends after {size} bytes). "
                "Get it anew"
            )
        yield _Window(file, start, stop)  # type: ignore[misc]  # it is read as one


class _Window(io.RawIOBase):
    """The bytes from `start` to `stop` of an open file."""

    def __init__(self, file: BinaryIO, start: int, stop: int) -> None:
        self._file = file
        self._start = start
        self._size = stop - start
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = base + offset
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        num_bytes = max(0, min(len(buffer), self._size - self._place))
        self._file.seek(self._start + self._place)
        read = self._file.readinto(memoryview(buffer)[:num_bytes])  # type: ignore[attr-defined]
        self._place += read
        return read
