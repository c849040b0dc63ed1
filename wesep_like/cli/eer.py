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
    "wesep-like eer plda.txt --utterances test.npz --against cosine.txt",
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
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="SCORES", help="Scores of another system on the same trials, to compare with."
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

    With --against the differences to another system are told, with their intervals and p values:
    both systems get the same draws of speakers.
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
        inputs = (scores, trials, utterances, against)
        refuse_inputs(det, identify(path for path in inputs if path))
    asked = None if trials is None else read_trials(trials)
    scored = labelled(read_scores(scores), asked, where=scores)
    check_both_kinds(scored, trials or scores)
    systems = [scored]
    if against is not None:
        is_all = asked is None
        systems.append(
            labelled(read_scores(against), asked or scored, where=against, is_all=is_all)
        )
    numbers = [[trial.score for trial in system] for system in systems]
    labels = [bool(trial.is_target) for trial in scored]
    who = find_speakers(scored, utterances, (trials or scores).parent)
    pairs = None if who is None else [(who[t.first], who[t.second]) for t in scored]
    too_few = pairs is not None and len({name for pair in pairs for name in pair}) < _MIN_SPEAKERS
    with progress_bar("intervals") as progress:
        result = eer_report(
            numbers[0],
            labels,
            None if too_few else pairs,
            other_scores=None if against is None else numbers[1],
            progress=progress,
        )
    result["against"] = None if against is None else str(against)
    if det is not None:
        files = [scores] if against is None else [scores, against]
        is_told_by_name = len({file.name for file in files}) == len(files)
        titles = [file.name if is_told_by_name else str(file) for file in files]
        curves = [SortedTrials(system, labels).curves() for system in numbers]
        with atomic_path(det) as draft:
            picture = det_picture([*zip(titles, curves, strict=True)])
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
    if result["against"] is not None:
        yield from _comparison(result)


_NAMES = {
    "eer": "EER (%)",
    "convex_hull_eer": "EER of the hull (%)",
    "min_dcf": "minDCF",
    "act_dcf": "actDCF",
    "min_cllr": "minCllr",
    "cllr": "Cllr",
}


def _comparison(result: Mapping[str, Any]) -> Iterator[str]:
    yield f"against {result['against']}: less is better; each p for its measure alone (uncorrected)"
    columns = f"{'this':>8} {'other':>8} {'difference':>10}  {'95 % interval':>18} {'p':>7}"
    yield f"{'':20} {columns}"
    for measure, name in _NAMES.items():
        found = result["differences"][measure]
        factor, digits = (100, 2) if name.endswith("(%)") else (1, 3)
        for p_target, values in [("", found)] if "value" in found else found.items():
            numbers = (factor * values[key] for key in ("value", "other", "difference"))
            value, other, difference = (f"{number:.{digits}f}" for number in numbers)
            line = f"{f'{name} {p_target}':20} {value:>8} {other:>8} {difference:>10}"
            if values["interval"] is not None:
                low, high = (f"{factor * end:.{digits}f}" for end in values["interval"])
                line += f"  {f'{low} .. {high}':>18} {values['p']:7.3f}"
            yield line


def _between(limits: list[float], digits: int) -> str:
    return f" ({limits[0]:.{digits}f} .. {limits[1]:.{digits}f})" if limits else ""
