"""The list of `extract --list`: tab-separated, a job a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wesep_like.cli.output import identify, refuse_inputs
from wesep_like.errors import ManifestError, OutputError

_COLUMNS = ("mixture", "enroll", "output")


@dataclass(frozen=True)
class Job:
    """One extraction.

    Attributes:
        where: The row, for messages: file and line.
        output: Below the folder of all results.
    """

    where: str
    mixture: Path
    enrollments: tuple[Path, ...]
    output: Path


def read_jobs(path: Path, folder: Path) -> tuple[list[Job], list[str]]:
    """The jobs in a list, and one line for each row that is none.

    Args:
        path: The list. Its first line names the columns mixture, enroll and output; enroll may come
            more than once. Paths in it are relative to its own folder.
        folder: Where the results go; outputs are relative to it.

    Raises:
        ManifestError: If it cannot be read, has no rows, or other columns.
    """
    header, *rows = _read_table(path)
    counts = Counter(header)
    unknown = [name for name in counts if name not in _COLUMNS]
    absent = [name for name in _COLUMNS if name not in counts]
    doubled = [name for name in ("mixture", "output") if counts[name] > 1]
    if unknown or absent or doubled:
        raise ManifestError(
            f"{path}:1: expected the columns mixture, enroll and output between tabs, enroll once "
            f"or more; got {', '.join(header)}"
        )
    jobs: list[Job] = []
    problems = []
    row_of_output: dict[Path, str] = {}
    for number, cells in enumerate(rows, start=2):
        where = f"{path}:{number}"
        if not any(cells):
            continue
        try:
            job = _job(where, header, cells, path.parent, folder)
        except (ManifestError, OutputError) as error:
            problems.append(str(error))
            continue
        first = row_of_output.setdefault(job.output.resolve(), where)
        if first != where:
            problems.append(f"{where}: output {job.output} is already that of {first}")
            continue
        jobs.append(job)
    if not jobs and not problems:
        raise ManifestError(f"{path}: no rows in it. Expected one job a line below the columns")
    return _without_overwritten_inputs(jobs, problems)


def _read_table(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: not UTF-8 text. Expected tab-separated rows") from error
    if not text.strip():
        raise ManifestError(f"{path}: is empty. Expected the columns mixture, enroll and output")
    return [[cell.strip() for cell in line.split("\t")] for line in text.split("\n")]


def _job(where: str, header: Sequence[str], cells: Sequence[str], root: Path, folder: Path) -> Job:
    if len(cells) != len(header):
        raise ManifestError(f"{where}: expected {len(header)} cells between tabs, got {len(cells)}")
    values: dict[str, list[str]] = {name: [] for name in _COLUMNS}
    for name, cell in zip(header, cells, strict=True):
        if cell:
            values[name].append(cell)
    empty = [name for name, found in values.items() if not found]
    if empty:
        raise ManifestError(f"{where}: {' and '.join(empty)}: expected a path, got nothing")
    output = folder / values["output"][0]
    if not output.resolve().is_relative_to(folder.resolve()):
        raise OutputError(f"{where}: output {values['output'][0]!r} lies outside {folder}")
    return Job(
        where,
        root / values["mixture"][0],
        tuple(root / enroll for enroll in values["enroll"]),
        output,
    )


def _without_overwritten_inputs(
    jobs: Sequence[Job], problems: Sequence[str]
) -> tuple[list[Job], list[str]]:
    """Without jobs whose output is a file that any of them reads."""
    inputs = identify(path for job in jobs for path in (job.mixture, *job.enrollments))
    kept, problems = [], [*problems]
    for job in jobs:
        try:
            refuse_inputs(job.output, inputs)
            kept.append(job)
        except OutputError as error:
            problems.append(f"{job.where}: {error}")
    return kept, problems
