"""`wesep-like calibrate`: what makes scores log-likelihood ratios."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wesep_like.cli import options
from wesep_like.cli.output import identify, refuse_inputs

EXAMPLES = (
    "wesep-like calibrate dev_scores.txt dev_trials.txt -o calibration.json",
    "wesep-like calibrate dev_scores.txt -o calibration.json --quality",
)


def run(
    scores: Annotated[
        Path, typer.Argument(metavar="SCORES", help="Of trials other than those to calibrate.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="CALIBRATION", help="JSON file to write.")
    ],
    trials: Annotated[
        Path | None,
        typer.Argument(metavar="[TRIALS]", help="With labels, if SCORES has none."),
    ] = None,
    quality: Annotated[
        bool,
        typer.Option(
            "--quality",
            help="Use what SCORES says of the recordings, too: write them with 'score --quality'.",
        ),
    ] = False,
    p_target: Annotated[
        float,
        typer.Option(metavar="P", help="The share of target trials for which it is to be best."),
    ] = 0.5,
) -> None:
    """Learn, from trials with known answers, to turn scores into natural log-likelihood ratios.

    'wesep-like score --calibration' uses it. Score with the same backend, normalisation and cohort
    as the trials here were scored with.
    """
    import numpy as np

    from wesep_like.config.atomic import check_writable
    from wesep_like.evaluation.calibration_file import write_calibration
    from wesep_like.evaluation.trial_scores import measures_of
    from wesep_like.evaluation.trials import (
        check_both_kinds,
        labelled,
        read_scores,
        read_trials,
    )
    from wesep_like.metrics.cllr import cllr, min_cllr
    from wesep_like.scoring.calibration import calibrate

    check_writable(output)
    refuse_inputs(output, identify(path for path in (scores, trials) if path))
    scored = labelled(read_scores(scores), None if trials is None else read_trials(trials))
    check_both_kinds(scored, trials or scores)
    names = tuple(scored[0].measures) if quality else ()
    if quality and not names:
        raise options.UsageError(
            f"{scores}: says nothing of the recordings. Write it with 'wesep-like score --quality'"
        )
    measures = measures_of(scored, names)
    labels = np.array([trial.is_target for trial in scored], dtype=bool)
    found = calibrate(measures, labels, p_target=p_target)
    before, after = cllr(measures["score"], labels), cllr(found(measures), labels)
    learnt_from = {"scores": str(scores), "num_trials": len(scored), "p_target": p_target}
    write_calibration(output, found, learnt_from)
    best = min_cllr(measures["score"], labels)
    typer.echo(
        f"{output}: Cllr {before:.3f} becomes {after:.3f} bits on the {len(scored)} trials that it "
        f"was learnt from; the scores alone allow {best:.3f}"
    )
