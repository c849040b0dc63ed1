"""`wesep-like baseline`: classical speaker models, learnt without gradients; one command a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from wesep_like.cli.output import progress_bar

HELP = """Learn a classical speaker model from the utterances of a manifest.

'wesep-like score', 'embed' and the others take it as --model.
"""

Utterances = Annotated[
    Path, typer.Argument(metavar="UTTERANCES", help="A manifest, such as DATA/utterances.jsonl.")
]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="EXP", help="The folder; EXP/model is the model.")
]
Seed = Annotated[int, typer.Option(min=0, help="Another seed, another beginning of EM.")]
MaxUtterances = Annotated[
    int, typer.Option(min=1, metavar="N", help="Of more, so many are heard, evenly chosen.")
]
Rounds = Annotated[int, typer.Option(min=1, metavar="N", help="Rounds of EM.")]
Workers = Annotated[int, typer.Option(min=0, help="Processes that hear; 0: this one.")]


def gmm_ubm(
    utterances: Utterances,
    output: Output,
    components: Annotated[int, typer.Option(min=1, metavar="N", help="Gaussians.")] = 256,
    cepstra: Annotated[
        int, typer.Option(min=1, metavar="N", help="Cepstra; with slopes, three times as many.")
    ] = 20,
    relevance: Annotated[
        float, typer.Option(min=0, help="Frames after which a mean is halfway to a speaker's.")
    ] = 16.0,
    top: Annotated[
        int, typer.Option(min=1, metavar="N", help="Gaussians that count of each frame.")
    ] = 5,
    sample_rate: Annotated[int, typer.Option(min=1, help="That it hears at, in Hz.")] = 16000,
    rounds: Rounds = 10,
    max_utterances: MaxUtterances = 20000,
    max_frames: Annotated[
        int, typer.Option(min=1, metavar="N", help="Of more, so many are learnt from.")
    ] = 1_000_000,
    seed: Seed = 1,
    workers: Workers = 0,
) -> None:
    """A universal background model, whose means MAP adapts to a speaker.

    With it, 'wesep-like score' compares recordings by log-likelihood ratios: the second of a trial
    under the model of the first. 'wesep-like embed' writes supervectors.
    """
    from wesep_like.training.baselines import BaselineOptions, train_gmm_ubm

    section = {
        "name": "gmm_ubm",
        "num_components": components,
        "num_cepstra": cepstra,
        "relevance": relevance,
        "num_top": top,
    }
    options = BaselineOptions(utterances, max_utterances, rounds, seed, workers)
    with _bars() as progress:
        learnt = train_gmm_ubm(
            output, section, sample_rate, options, max_frames=max_frames, progress=progress
        )
    typer.echo(
        f"{learnt.folder}: {components} components, from {learnt.num_frames} frames of "
        f"{learnt.num_utterances} utterances"
    )


def ivector(
    utterances: Utterances,
    output: Output,
    ubm: Annotated[
        Path, typer.Option(metavar="EXP", help="What 'wesep-like baseline gmm_ubm' has written.")
    ],
    dim: Annotated[int, typer.Option(min=1, metavar="N", help="Numbers in an i-vector.")] = 200,
    rounds: Rounds = 5,
    max_utterances: MaxUtterances = 20000,
    seed: Seed = 1,
    workers: Workers = 0,
) -> None:
    """An extractor of i-vectors on a universal background model."""
    from wesep_like.training.baselines import BaselineOptions, train_ivector

    options = BaselineOptions(utterances, max_utterances, rounds, seed, workers)
    with _bars() as progress:
        learnt = train_ivector(output, ubm, dim, options, progress=progress)
    typer.echo(
        f"{learnt.folder}: i-vectors of {dim} numbers, from {learnt.num_utterances} utterances"
    )


# By name: the command, and examples of it.
COMMANDS: Mapping[str, tuple[Callable[..., None], tuple[str, ...]]] = {
    "gmm_ubm": (
        gmm_ubm,
        ("wesep-like baseline gmm_ubm data/mini/train/utterances.jsonl -o exp/gmm_ubm",),
    ),
    "ivector": (
        ivector,
        (
            "wesep-like baseline ivector data/mini/train/utterances.jsonl --ubm exp/gmm_ubm "
            "-o exp/ivector",
        ),
    ),
}
EXAMPLES = tuple(examples[0] for _, examples in COMMANDS.values())


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for each part of the work, one after another."""
    with ExitStack() as stack:
        bars: dict[str, Callable[[int, int], None]] = {}

        def told(what: str, num_done: int, num_all: int) -> None:
            if what not in bars:
                stack.close()
                bars[what] = stack.enter_context(progress_bar(what))
            bars[what](num_done, num_all)

        yield told
