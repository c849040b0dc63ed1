"""What commands say: results on standard output, the rest on standard error."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from wesep_like.errors import OutputError


def say(line: str) -> None:
    """One line on standard error."""
    typer.echo(line, err=True)


def print_result(result: Mapping[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """The result on standard output: as one JSON object, or as lines to read."""
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
    else:
        for line in lines:
            typer.echo(line)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """What is called with (done, all) moves a bar on standard error, if that is a terminal.

    What is said meanwhile appears above the bar.
    """
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def warnings_and_logs_shown() -> Iterator[None]:
    """Warnings, and what our modules log, become lines on standard error."""
    logger = logging.getLogger("wesep_like")
    handler, level = _Lines(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        prefix = "warning: " if record.levelno >= logging.WARNING else ""
        say(prefix + " ".join(record.getMessage().split()))


def _show_warning(message: Warning | str, *where: Any, **more: Any) -> None:
    say(f"warning: {' '.join(str(message).split())}")


def identify(paths: Iterable[Path]) -> dict[tuple[int, int], Path]:
    """Those of the files that exist, by what they are under whatever name or link."""
    return {(status.st_dev, status.st_ino): path for path in paths if (status := _status(path))}


def refuse_inputs(output: Path, inputs: Mapping[tuple[int, int], Path]) -> None:
    """Goes on only if `output` is none of the inputs, which `identify` has named.

    Raises:
        OutputError: If it is one.
    """
    for identity in identify([output]):
        if identity in inputs:
            also = "" if inputs[identity] == output else f", {inputs[identity]}"
            raise OutputError(f"{output}: is an input{also}. Give the output another name")


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None  # whoever opens it says why
