"""`wesep-like prepare`: a corpus as it is published becomes a data folder; one command a corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from wesep_like.cli import prepare_librimix
from wesep_like.cli.output import progress_bar

HELP = """Index a corpus into a data folder; no sound is copied. (librimix makes the corpus itself.)

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


def libri2mix(
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", help="The folder that has wav16k or wav8k.")
    ],
    output: Output,
    sample_rate: Annotated[
        int, typer.Option(metavar="HZ", help="16000 (wav16k) or 8000 (wav8k).")
    ] = 16000,
    mode: Annotated[
        str, typer.Option(metavar="NAME", help="min or max: ending with the shortest voice or not.")
    ] = "min",
    mixtures: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="mix_clean, mix_both (with noise), or mix_single (noise and one voice).",
        ),
    ] = "mix_clean",
    train_set: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What to train on: train-100, train-360 or both. [default: train-100, if it is "
            "there]",
        ),
    ] = None,
    enroll_map: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Fixed enrollments of dev or test: a map_mixture2enrollment, or WeSep's "
            "spk1.enroll and spk2.enroll. Once for each file. Others are drawn.",
        ),
    ] = None,
    speakers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="LibriSpeech's SPEAKERS.TXT, for the speakers' sexes."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the enrollments that are drawn.")] = 1,
) -> None:
    """LibriMix as it lies on disk, any of its variants.

    Writes train, dev and test, those that are there. In dev and test, each speaker of each mixture
    is the target once.
    """
    _prepare(
        "libri2mix",
        root,
        output,
        sample_rate=sample_rate,
        mode=mode,
        mixtures=mixtures,
        train_set=train_set,
        enroll_map=enroll_map or (),
        speakers=speakers,
        seed=seed,
    )


def librispeech(
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", help="The folder with train-clean-100 and so on.")
    ],
    output: Output,
) -> None:
    """LibriSpeech, for mixtures that are made in training.

    Writes a folder for each subset that is there, and train-clean-460 and train-960 if all of their
    parts are.
    """
    _prepare("librispeech", root, output)


def voxceleb(
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", help="The folder of one of the two, or of both.")
    ],
    output: Output,
    meta: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="vox1_meta.csv or vox2_meta.csv: the speakers' sexes and sets. Once for each.",
        ),
    ] = None,
    trials: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="A published list, as veri_test2.txt. Once for each of them."
        ),
    ] = None,
    calibration_trials: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="Draw so many trials of the training speakers, to calibrate."
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of the trials that are drawn.")] = 1,
) -> None:
    """VoxCeleb1 and VoxCeleb2: ROOT/.../idXXXXX/VIDEO/NNNNN.wav (or flac, ogg, opus, mp3).

    Writes vox1_dev, vox1_test, vox2_dev and vox2_test, those that are there; in test, the lists of
    trials and what they name; in calibration, the trials that are drawn.
    """
    _prepare(
        "voxceleb",
        root,
        output,
        meta=meta or (),
        trials=trials or (),
        calibration_trials=calibration_trials,
        seed=seed,
    )


def musan(
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", help="The folder with music, noise and speech.")
    ],
    output: Output,
) -> None:
    """MUSAN, for noise in training: a manifest of all, and one of each of its three kinds."""
    _prepare("musan", root, output)


def rirs(
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", help="The folder with simulated_rirs and so on.")
    ],
    output: Output,
) -> None:
    """The room responses of RIRS_NOISES: a manifest of all, and of each of its sets."""
    _prepare("rirs", root, output)


def folder(
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", help="The folder with a folder for each speaker.")
    ],
    output: Output,
    unlabelled: Annotated[
        bool,
        typer.Option(
            "--unlabelled",
            help="Nothing is known of the speakers: ROOT/.../sound files, to learn without them.",
        ),
    ] = False,
) -> None:
    """A folder a speaker: ROOT/SPEAKER/.../sound files."""
    _prepare("folder", root, output, unlabelled=unlabelled)


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
    "libri2mix": (
        libri2mix,
        (
            "wesep-like prepare libri2mix Libri2Mix -o data/libri2mix",
            "wesep-like prepare libri2mix Libri2Mix -o data/libri2mix_8k --sample-rate 8000 --mode "
            "max --mixtures mix_both --enroll-map map_mixture2enrollment",
        ),
    ),
    "librispeech": (
        librispeech,
        ("wesep-like prepare librispeech LibriSpeech -o data/librispeech",),
    ),
    "voxceleb": (
        voxceleb,
        (
            "wesep-like prepare voxceleb VoxCeleb -o data/voxceleb --meta vox2_meta.csv --trials "
            "veri_test2.txt",
        ),
    ),
    "musan": (musan, ("wesep-like prepare musan musan -o data/musan",)),
    "rirs": (rirs, ("wesep-like prepare rirs RIRS_NOISES -o data/rirs",)),
    "folder": (folder, ("wesep-like prepare folder recordings/ -o data/mine",)),
    "kaldi": (kaldi, ("wesep-like prepare kaldi data/clean/test -o data/libri2mix/test",)),
    "librimix": (prepare_librimix.run, prepare_librimix.EXAMPLES),
    "mini": (mini, ("wesep-like prepare mini shared/corpus -o data/mini",)),
}
EXAMPLES = tuple(examples[0] for _, examples in COMMANDS.values())


def _prepare(corpus: str, root: Path, output: Path, **options: object) -> None:
    """The data folder is written, and what is in it said."""
    from wesep_like.data.corpora import prepare

    with progress_bar("reading") as progress:
        prepared = prepare(corpus, root, output, progress=progress, **options)
    for file, count in prepared.num_records.items():
        typer.echo(f"{prepared.folder / file}: {count}")
    if prepared.num_skipped:
        typer.echo(f"skipped: {prepared.num_skipped} sound files")
