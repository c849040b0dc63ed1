"""Text files of which each line is checked: what is wrong is told with file and line, up to ten."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from wesep_like.errors import ManifestError

_MAX_PROBLEMS = 10


def read_text(path: Path, expected: str, advice: str) -> str:
    """The contents of a text file.

    Args:
        path: The file.
        expected: What should be in it, for the message.
        advice: Where it comes from, for the message.

    Raises:
        ManifestError: If it cannot be read or is no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({error.strerror}). {advice}") from error
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: not a text file in UTF-8. Expected {expected}.") from error


def numbered_lines(text: str) -> Iterable[tuple[int, str]]:
    """The lines of a text that have something on them, each with its number, from 1."""
    # Not splitlines, which also breaks at characters that a name may have.
    return [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]


@dataclass(frozen=True)
class Table:
    """A CSV file.

    Attributes:
        columns: As its first line names them.
        rows: The cells by column, None where a line is too short; each with the number of the line
            that it ends on.
    """

    columns: list[str]
    rows: list[tuple[int, dict[str, str | None]]]


def read_table(path: Path, expected: str, advice: str) -> Table:
    """The rows of a CSV file; arguments as of `read_text`.

    Raises:
        ManifestError: If it cannot be read, is no text or no CSV.
    """
    # StringIO breaks lines where files do, see `numbered_lines`.
    reader = csv.DictReader(StringIO(read_text(path, expected, advice)), strict=True)
    try:
        columns = list(reader.fieldnames or ())
        return Table(columns, [(reader.line_num, cells) for cells in reader])
    except csv.Error as error:
        raise ManifestError(f"{path}:{reader.line_num + 1}: not CSV ({error})") from error


def raise_problems(path: str | Path, problems: list[str]) -> None:
    """Goes on only if nothing was wrong.

    Args:
        path: The file that the problems are in.
        problems: One line each, beginning with file and line.

    Raises:
        ManifestError: With ten of the problems, then a count.
    """
    if len(problems) > _MAX_PROBLEMS:
        rest = len(problems) - _MAX_PROBLEMS
        problems = [*problems[:_MAX_PROBLEMS], f"{path}: and {rest} more bad lines"]
    if problems:
        raise ManifestError("\n".join(problems))
