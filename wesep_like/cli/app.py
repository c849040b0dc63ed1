"""The command `wesep-like`: its subcommands, and what becomes of errors and warnings."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

import wesep_like
from wesep_like.cli import (
    average,
    backend,
    baseline,
    calibrate,
    config,
    eer,
    embed,
    enroll,
    evaluate,
    extract,
    info,
    mix,
    prepare,
    rooms,
    score,
    shard,
    train,
    verify,
)
from wesep_like.cli.memory import keep_freed_memory
from wesep_like.cli.output import say, warnings_and_logs_shown
from wesep_like.errors import WesepLikeError

INTERRUPTED = 130  # 128 + SIGINT, as shells have it
WRONG_USAGE = 2

# What typer raises of itself derives from this; it gives it no public name.
_TyperUsageError: Any = typer.BadParameter.__base__

app = typer.Typer(
    help=wesep_like.__doc__.splitlines()[0],
    epilog="'wesep-like COMMAND --help' has an example for each command.",
    add_completion=False,
    rich_markup_mode=None,  # brackets in our texts are no markup
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _epilog(examples: Sequence[str]) -> str:
    # \b: what follows is not rewrapped.
    return "\n".join(["\b", "Example:", *(f"  {example}" for example in examples)])


def _add(
    group: typer.Typer, name: str, function: Callable[..., None], examples: Sequence[str]
) -> None:
    summary = inspect.cleandoc(function.__doc__ or "").partition("\n\n")[0]
    # Given as such, it is never cut short in the list of commands.
    group.command(name, short_help=summary, epilog=_epilog(examples))(function)


_config = typer.Typer(help="Look at configs.", epilog=_epilog(config.EXAMPLES))
app.add_typer(_config, name="config")
_prepare = typer.Typer(
    cls=prepare.Corpora,
    help=prepare.HELP,
    epilog=_epilog(prepare.EXAMPLES),
    subcommand_metavar="CORPUS ROOT -o DATA",
)
app.add_typer(_prepare, name="prepare")

_baseline = typer.Typer(
    help=baseline.HELP,
    short_help=baseline.HELP.partition("\n\n")[0],
    epilog=_epilog(baseline.EXAMPLES),
    subcommand_metavar="KIND UTTERANCES -o EXP",
)
app.add_typer(_baseline, name="baseline")

_MODULES = (
    *(extract, enroll, evaluate, train, average, rooms, mix, shard),
    *(info, embed, verify, backend, score, calibrate, eer),
)
for _module in _MODULES:
    _add(app, _module.__name__.rpartition(".")[2], _module.run, _module.EXAMPLES)
_add(_config, "check", config.check, config.EXAMPLES)
for _group, _commands in ((_prepare, prepare.COMMANDS), (_baseline, baseline.COMMANDS)):
    for _name, (_function, _examples) in _commands.items():
        _add(_group, _name, _function, _examples)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(wesep_like.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    with_traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where in the code an error arose.")
    ] = False,
) -> None:
    """Both options are dealt with before this is called."""


def run(arguments: Sequence[str]) -> int:
    """The exit code of the command line `wesep-like ARGUMENTS`, once it has run.

    Errors of the user's become lines on standard error; our own keep their traceback.
    """
    # An option that one thinks of after an error, at the end of the line: so it may stand anywhere.
    shows_traceback = "--traceback" in arguments
    arguments = [argument for argument in arguments if argument != "--traceback"] or ["--help"]
    with warnings_and_logs_shown():
        try:
            # Not `app(...)`, which would install a hook for all exceptions of the process.
            code = typer.main.get_command(app).main(
                arguments, prog_name="wesep-like", standalone_mode=False
            )
        except WesepLikeError as error:
            if shows_traceback:
                traceback.print_exc()
            for line in str(error).splitlines():
                say(f"error: {line}")
            return WRONG_USAGE
        except _TyperUsageError as error:
            command = error.ctx.command_path if error.ctx else "wesep-like"
            message = " ".join(error.format_message().split()).rstrip(".")
            stop = "" if message.endswith("?") else "."
            say(f"error: {message}{stop} See '{command} --help'")
            return WRONG_USAGE
        except (KeyboardInterrupt, typer.Abort):
            return INTERRUPTED
    return code or 0


def main() -> None:
    """Runs the command line of the process and ends it."""
    keep_freed_memory()
    sys.exit(run(sys.argv[1:]))
