"""`wesep-like eer`: error rates of scored trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from wesep_like.cli import options
from wesep_like.cli.output import print_result

EXAMPLES = ("wesep-like eer scores.txt", "wesep-like eer scores.txt trials.txt --json")


def run(
    scores: Annotated[
        Path, typer.Argument(metavar="SCORES", help="Lines 'a b score' or 'a b score target'.")
    ],
    trials: Annotated[
        Path | None,
        typer.Argument(metavar="TRIALS", help="With labels, if SCORES has none: '1 a b'."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Print the equal error rate and the minimum detection cost."""
    from wesep_like.evaluation.verification import (
        eer_report,
        label_scores,
        read_scores,
        read_trials,
    )

    scored = read_scores(scores)
    labelled = None if trials is None else read_trials(trials)
    result = eer_report(*label_scores(scored, labelled))
    print_result(result, _lines(result), as_json=as_json)


def _lines(result: Mapping[str, Any]) -> Iterator[str]:
    yield f"EER {100 * result['eer']:.2f} % at a score of {result['eer_threshold']:.3f}"
    for probability, cost in result["min_dcf"].items():
        yield f"minDCF {cost:.3f} where {float(probability):g} of trials are target trials"
    yield f"{result['num_trials']} trials, {result['num_target']} of them target trials"
