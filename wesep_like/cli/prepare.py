"""`wesep-like prepare`: a corpus as it is published becomes a data folder; one command a corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from wesep_like.cli.output import progress_bar

HELP = """Index a corpus into a data folder; no sound is copied.

Sound files that cannot be read are left out, with a warning.
"""

Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="DATA", help="The data folder to write.")
]


class Corpora(TyperGroup):
    """The group of commands; of a corpus that there is not, it says which name is near."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As in click, with our message."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            from wesep_like.data.corpora import unknown_corpus

            raise unknown_corpus(args[0], self.commands)
        return super().resolve_command(ctx, args)


def folder(
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", help="The folder with a folder for each speaker.")
    ],
    output: Output,
) -> None:
    """A folder a speaker: ROOT/SPEAKER/.../sound files."""
    _prepare("folder", root, output)


def mini(
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", help="The folder with LibriSpeech, noise and so on.")
    ],
    output: Output,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the fixed mixtures and of the speakers held out.")
    ] = 1,
    sample_rate: Annotated[int, typer.Option(min=1, help="Of the fixed mixtures, in Hz.")] = 16000,
) -> None:
    """The small corpus of recipes/mini."""
    _prepare("mini", root, output, seed=seed, sample_rate=sample_rate)


def kaldi(
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", help="The folder with wav.scp, utt2spk and so on.")
    ],
    output: Output,
    seed: Annotated[int, typer.Option(min=0, help="Of the enrollments that no list fixes.")] = 1,
) -> None:
    """Kaldi's lists: of voices, or of mixtures as WeSep has.

    ROOT has wav.scp, utt2spk and further lists.
    """
    _prepare("kaldi", root, output, seed=seed)


# By name: the command, and examples of it.
COMMANDS: Mapping[str, tuple[Callable[..., None], tuple[str, ...]]] = {
    "folder": (folder, ("wesep-like prepare folder recordings/ -o data/mine",)),
    "kaldi": (kaldi, ("wesep-like prepare kaldi data/clean/test -o data/libri2mix/test",)),
    "mini": (mini, ("wesep-like prepare mini shared/corpus -o data/mini",)),
}
EXAMPLES = tuple(example for _, examples in COMMANDS.values() for example in examples)


def _prepare(corpus: str, root: Path, output: Path, **options: object) -> None:
    """The data folder is written, and what is in it said."""
    from wesep_like.data.corpora import prepare

    with progress_bar("reading") as progress:
        prepared = prepare(corpus, root, output, progress=progress, **options)
    for file, count in prepared.num_records.items():
        typer.echo(f"{prepared.folder / file}: {count}")
    if prepared.num_skipped:
        typer.echo(f"skipped: {prepared.num_skipped} sound files")
