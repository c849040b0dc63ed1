"""Which shards a config means: a list of them, a pattern, or their names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from webdataset.gopen import gopen_schemes
from webdataset.shardlists import expand_urls

from wesep_like.data.text_lines import numbered_lines, raise_problems, read_text
from wesep_like.errors import ManifestError

_TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz")


def find_shards(shards: str | Sequence[str], *, trust_pipes: bool = False) -> list[str]:
    """The paths and URLs of all shards.

    Args:
        shards: A text file with one a line, or a path or URL of shards, or several of them. In a
            path or URL, braces stand for several, `shard-{000..012}.tar`. A relative path in a file
            is relative to the file's folder, or, as WeSep writes them, to where the command runs.
        trust_pipes: Whether a URL may be `pipe:` and a command of the shell, whose output is the
            shard.

    Raises:
        ManifestError: If the list or a shard is missing, if a shard comes twice, if its kind of URL
            is unknown, or a pipe and not trusted.
    """
    if isinstance(shards, str) and _is_list(shards):
        where, found = shards, _read_list(Path(shards))
    else:
        patterns = [shards] if isinstance(shards, str) else shards
        where = patterns[0] if len(patterns) == 1 else "shards"
        found = [url for pattern in patterns for url in expand_urls(pattern)]
    if not found:
        raise ManifestError(f"{where}: no shards in it. Expected a path or URL a line")
    _check(where, found, trust_pipes)
    return found


def _is_list(shards: str) -> bool:
    return not (shards.endswith(_TAR_SUFFIXES) or _scheme(shards) or "{" in shards)


def _read_list(path: Path) -> list[str]:
    text = read_text(
        path, "a list of shards, or shards as .tar", "Write it with 'wesep-like shard'."
    )
    return [_as_seen_from(path.parent, line.strip()) for _, line in numbered_lines(text)]


def _as_seen_from(folder: Path, line: str) -> str:
    if _scheme(line):
        return line
    beside = folder / line
    return line if os.path.exists(line) and not beside.exists() else str(beside)


def _check(where: str, urls: Sequence[str], trust_pipes: bool) -> None:
    problems = []
    for url, count in Counter(urls).items():
        scheme = _scheme(url)
        if count > 1:
            problems.append(f"{where}: {url} is there {count} times. Expected each shard once")
        elif scheme == "pipe" and not trust_pipes:
            problems.append(
                f"{where}: {url} runs a command. If you trust all of them, set "
                "data.train.trust_pipes to true"
            )
        elif scheme not in ("", "file") and scheme not in gopen_schemes:
            known = ", ".join(name for name in gopen_schemes if not name.startswith("__"))
            problems.append(f"{where}: {url} cannot be opened. Known: paths, file, {known}")
        elif scheme in ("", "file") and not os.path.isfile(_local(url)):
            problems.append(f"{where}: {url}: there is no such file")
    raise_problems(where, problems)


def _scheme(url: str) -> str:
    return urlparse(url).scheme


def _local(url: str) -> str:
    return url2pathname(urlparse(url).path) if _scheme(url) == "file" else url
