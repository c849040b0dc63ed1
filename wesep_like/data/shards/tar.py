"""What is in a tar, read from front to back, as a pipe or a web server gives it."""

from __future__ import annotations

import tarfile
from typing import IO, Any

from webdataset.gopen import gopen

from wesep_like.errors import AudioError


def read_tar(url: str) -> tuple[dict[str, bytes], list[str]]:
    """The files in a tar by name, and a line for each thing that is wrong with it.

    Of a tar that is cut short or broken in the middle, what comes before.

    Args:
        url: A path, or a URL that `webdataset` opens.

    Raises:
        AudioError: If it cannot be opened, or not be fetched to its end. Then what is there is
            not known, and examples would depend on the network.
    """
    contents: dict[str, bytes] = {}
    problems = []
    stream = None
    try:
        stream = gopen(url)
        try:
            with tarfile.open(fileobj=stream, mode="r|*", tarinfo=_Header) as tar:
                for member in tar:
                    if not member.isfile():
                        continue
                    file = tar.extractfile(member)
                    assert file is not None
                    content = file.read()
                    if member.name in contents:
                        problems.append(f"{url}:{member.name}: is there twice. The first is used")
                    contents.setdefault(member.name, content)
        except (tarfile.TarError, EOFError) as error:
            problems.append(
                f"{url}: is cut short or broken after {len(contents)} files ({error}). Get it anew"
            )
        _drain(stream)
        stream.close()  # tells whether what fetched it came to its end
    except OSError as error:
        reason = error.strerror or f"exit code {getattr(stream, 'status', None)}"
        raise AudioError(f"{url}: cannot be fetched ({reason})") from error
    return contents, problems


class _Header(tarfile.TarInfo):
    """A header, or an error; by itself, `tarfile` takes a broken one for the end."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> _Header:
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # its stub has not all of it
            raise  # zeros, as the end should be
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from error


def _drain(stream: IO[Any]) -> None:
    """A command whose output nobody reads ends as if it had failed."""
    while stream.read(1 << 20):
        pass
