"""`wesep-like backend`: learns, from embeddings of known speakers, how to compare others."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from wesep_like.cli import options
from wesep_like.cli.output import identify, refuse_inputs, say
from wesep_like.errors import OutputError

EXAMPLES = (
    "wesep-like backend train.npz -o plda.npz --kind plda --centre --lda 150",
    "wesep-like backend train.npz -o plda.npz --kind plda --like here.npz",
    "wesep-like backend train.npz -o plda.npz --kind plda --adapt here.npz --weight 0.6",
)


class Kind(str, Enum):
    """How two embeddings are compared."""

    cosine = "cosine"
    plda = "plda"
    psda = "psda"


def run(
    embeddings: Annotated[
        Path,
        typer.Argument(metavar="EMBEDDINGS", help="What 'embed --utterances' wrote, of speakers."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="BACKEND", help="The file (.npz) to write.")
    ],
    kind: Annotated[Kind, typer.Option(help="How two embeddings are compared.")],
    centre: Annotated[
        bool, typer.Option("--centre", help="Take away the mean of the embeddings first.")
    ] = False,
    lda: Annotated[
        int | None, typer.Option(metavar="DIM", help="Keep so many directions, by LDA.")
    ] = None,
    wccn: Annotated[
        bool, typer.Option("--wccn", help="Make speakers vary alike in all directions.")
    ] = False,
    like: Annotated[
        Path | None,
        typer.Option(
            metavar="EMBEDDINGS",
            help="Of the domain that will be scored, without labels: learn as if of it, by CORAL.",
        ),
    ] = None,
    adapt: Annotated[
        Path | None,
        typer.Option(
            metavar="EMBEDDINGS",
            help="Of that domain, with speakers: move PLDA towards what they say.",
        ),
    ] = None,
    weight: Annotated[
        float | None,
        typer.Option(metavar="W", help="How far, from 0 to 1. [default: 0.5]"),
    ] = None,
) -> None:
    """Learn what 'wesep-like score --backend' scores by.

    Before they are compared, embeddings go through what is asked for, in this order: CORAL or the
    mean, LDA, WCCN; and to length 1.
    """
    from wesep_like.config.atomic import check_writable
    from wesep_like.data.embedding_archive import Embeddings, read_embeddings
    from wesep_like.evaluation.backend_file import SUFFIX, write_backend
    from wesep_like.scoring.backend import BackendOptions, train_backend

    if output.suffix != SUFFIX:
        raise OutputError(
            f"{output}: no format to write has the suffix {output.suffix!r}. Known: {SUFFIX}"
        )
    if weight is not None and adapt is None:
        raise options.UsageError("--weight: is that of --adapt, which is not given")
    check_writable(output)
    refuse_inputs(output, identify(path for path in (embeddings, like, adapt) if path))
    wanted = BackendOptions(kind.value, centre, lda, wccn)

    def read(path: Path) -> Embeddings:
        found, problems = read_embeddings(path).without_zeros()
        for problem in problems:
            say(f"warning: {problem}")
        return found

    training = read(embeddings)
    speakers = training.known_speakers() if wanted.needs_speakers else []
    others = {name: read(path) for name, path in (("like", like), ("adapt", adapt)) if path}
    for other in others.values():
        training.check_same_encoder(other)
    backend = train_backend(
        wanted,
        training.vectors,
        speakers,
        like=others["like"].vectors if "like" in others else None,
        adapt=(others["adapt"].vectors, others["adapt"].known_speakers())
        if "adapt" in others
        else None,
        weight=0.5 if weight is None else weight,
    )
    learnt_from = {
        "embeddings": str(embeddings),
        "num_embeddings": len(training),
        "num_speakers": len(set(speakers)),
        "kind": kind.value,
        "centre": centre,
        "lda": lda,
        "wccn": wccn,
        **{name: str(other.where) for name, other in others.items()},
    }
    write_backend(output, backend, training, learnt_from)
    of_speakers = f" of {len(set(speakers))} speakers" if speakers else ""
    typer.echo(f"{output}: {kind.value}, of {len(training)} embeddings{of_speakers}")
