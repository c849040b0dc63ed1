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
    "wesep-like calibrate test_scores.txt --apply calibration.json -o ratios.txt",
)


def run(
    scores: Annotated[
        Path,
        typer.Argument(
            metavar="SCORES", help="To learn from, of trials other than those to calibrate."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="JSON to write; with --apply the ratios."
        ),
    ],
    trials: Annotated[
        Path | None,
        typer.Argument(metavar="[TRIALS]", help="With labels, if SCORES has none."),
    ] = None,
    apply: Annotated[
        Path | None,
        typer.Option(
            metavar="CALIBRATION", help="Learn nothing: make SCORES ratios by what was learnt."
        ),
    ] = None,
    quality: Annotated[
        bool,
        typer.Option(
            "--quality",
            help="Use what SCORES says of the recordings, too: write them with 'score --quality'.",
        ),
    ] = False,
    p_target: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            help="The share of target trials for which it is to be best. [default: 0.5]",
        ),
    ] = None,
) -> None:
    """Learn, from trials with known answers, to turn scores into natural log-likelihood ratios.

    --apply then does so with scores that exist, and 'wesep-like score --calibration' while it
    scores. Score with the same model, backend, normalisation and cohort as the trials here were
    scored with; 'score' writes down beside its scores what these were, and a warning says if they
    differ.
    """
    from wesep_like.config.atomic import check_writable

    if apply is not None:
        teaching = {"TRIALS": trials, "--quality": quality or None, "--p-target": p_target}
        for name, value in teaching.items():
            if value is not None:
                raise options.UsageError(
                    f"{name}: is there to learn a calibration, and --apply names one that was "
                    "learnt. Give one of the two"
                )
    check_writable(output)
    refuse_inputs(output, identify(path for path in (scores, trials, apply) if path))
    if apply is not None:
        _apply(scores, apply, output)
    else:
        _learn(scores, trials, quality, 0.5 if p_target is None else p_target, output)


def _apply(scores: Path, calibration: Path, output: Path) -> None:
    from wesep_like.evaluation.calibration_file import read_calibration
    from wesep_like.evaluation.score_origin import file_digest, read_origin, write_origin
    from wesep_like.evaluation.trial_scores import calibrated
    from wesep_like.evaluation.trials import read_scores, write_scores

    learnt = read_calibration(calibration)
    origin = read_origin(scores)
    learnt.check_fits(origin, scores)
    ratios = calibrated(read_scores(scores), learnt.calibration)
    write_scores(output, ratios)
    write_origin(output, {**origin, "calibration": file_digest(calibration)})
    typer.echo(f"{output}: {len(ratios)} trials calibrated")


def _learn(scores: Path, trials: Path | None, quality: bool, p_target: float, output: Path) -> None:
    import numpy as np

    from wesep_like.evaluation.calibration_file import write_calibration
    from wesep_like.evaluation.score_origin import read_origin
    from wesep_like.evaluation.trial_scores import measures_of
    from wesep_like.evaluation.trials import (
        check_both_kinds,
        labelled,
        read_scores,
        read_trials,
    )
    from wesep_like.metrics.cllr import cllr, min_cllr
    from wesep_like.scoring.calibration import calibrate

    asked = None if trials is None else read_trials(trials)
    scored = labelled(read_scores(scores), asked, where=scores)
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
    write_calibration(output, found, learnt_from, read_origin(scores))
    best = min_cllr(measures["score"], labels)
    typer.echo(
        f"{output}: Cllr {before:.3f} becomes {after:.3f} bits on the {len(scored)} trials that it "
        f"was learnt from; the scores alone allow {best:.3f}"
    )
