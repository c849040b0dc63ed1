"""`wesep-like eer`: error rates of scored trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from wesep_like.cli import options
from wesep_like.cli.output import identify, print_result, progress_bar, refuse_inputs
from wesep_like.errors import OutputError

EXAMPLES = (
    "wesep-like eer scores.txt",
    "wesep-like eer scores.txt trials.txt --json",
    "wesep-like eer scores.txt --utterances data/mini/test/utterances.jsonl --det det.svg",
)


def run(
    scores: Annotated[
        Path,
        typer.Argument(metavar="SCORES", help="Lines 'a b score' or 'a b score target', and more."),
    ],
    trials: Annotated[
        Path | None,
        typer.Argument(metavar="TRIALS", help="With labels, if SCORES has none: '1 a b'."),
    ] = None,
    utterances: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Who speaks, for intervals over speakers: a manifest, or what 'embed' wrote of "
            "one. Not needed if names are as VoxCeleb's.",
        ),
    ] = None,
    det: Annotated[
        Path | None, typer.Option(metavar="SVG", help="Draw the DET curve into this file (.svg).")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Print the equal error rate, detection costs and Cllr, with intervals over speakers.

    EER and minimum costs are of any scores. The actual costs and Cllr take scores for natural
    log-likelihood ratios: PLDA's, or those after 'wesep-like calibrate'.
    """
    from wesep_like.config.atomic import atomic_path, check_writable
    from wesep_like.evaluation.det_picture import det_picture
    from wesep_like.evaluation.error_rates import eer_report
    from wesep_like.evaluation.trial_names import find_speakers
    from wesep_like.evaluation.trials import check_both_kinds, labelled, read_scores, read_trials
    from wesep_like.metrics.error_curves import SortedTrials

    if det is not None:
        if det.suffix != ".svg":
            raise OutputError(
                f"{det}: no format to draw has the suffix {det.suffix!r}. Known: .svg"
            )
        check_writable(det)
        refuse_inputs(det, identify(path for path in (scores, trials, utterances) if path))
    scored = labelled(read_scores(scores), None if trials is None else read_trials(trials))
    check_both_kinds(scored, trials or scores)
    numbers = [trial.score for trial in scored]
    labels = [bool(trial.is_target) for trial in scored]
    who = find_speakers(scored, utterances, (trials or scores).parent)
    pairs = None if who is None else [(who[t.first], who[t.second]) for t in scored]
    too_few = pairs is not None and len({name for pair in pairs for name in pair}) < _MIN_SPEAKERS
    with progress_bar("intervals") as progress:
        result = eer_report(numbers, labels, None if too_few else pairs, progress=progress)
    if det is not None:
        picture = det_picture(SortedTrials(numbers, labels).curves(), scores.name)
        with atomic_path(det) as draft:
            draft.write_text(picture, encoding="utf-8")
        result["files"] = {"det": str(det)}
    why = "there are less than three" if too_few else "it is not known who speaks (--utterances)"
    print_result(result, _lines(result, why), as_json=as_json)


_MIN_SPEAKERS = 3


def _lines(result: Mapping[str, Any], why_no_intervals: str) -> Iterator[str]:
    intervals = result["intervals"] or {}

    def percent(name: str) -> str:
        between = [100 * limit for limit in intervals.get(name, [])]
        return f"{100 * result[name]:.2f} %" + _between(between, 2)

    def cost(name: str, p_target: str) -> str:
        return f"{result[name][p_target]:.3f}" + _between(
            intervals.get(name, {}).get(p_target, []), 3
        )

    def bits(name: str) -> str:
        return f"{result[name]:.3f}" + _between(intervals.get(name, []), 3)

    yield f"EER {percent('eer')} at a score of {result['eer_threshold']:.3f}"
    yield f"EER {percent('convex_hull_eer')} on the convex hull of the ROC"
    for p_target in result["min_dcf"]:
        yield (
            f"minDCF {cost('min_dcf', p_target)}, actDCF {cost('act_dcf', p_target)} where "
            f"{float(p_target):g} of trials are target trials"
        )
    yield f"minCllr {bits('min_cllr')}, Cllr {bits('cllr')} bits"
    yield "actDCF and Cllr mean something only if scores are log-likelihood ratios, as calibrated"
    if result["intervals"] is None:
        yield f"no intervals over speakers: {why_no_intervals}"
    else:
        yield f"in brackets, 95 % intervals over {result['num_speakers']} speakers"
    yield f"{result['num_trials']} trials, {result['num_target']} of them target trials"


def _between(limits: list[float], digits: int) -> str:
    return f" ({limits[0]:.{digits}f} .. {limits[1]:.{digits}f})" if limits else ""
