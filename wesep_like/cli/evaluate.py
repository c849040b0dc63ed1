"""`wesep-like evaluate`: how well a model extracts, on fixed mixtures."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from wesep_like.cli import options
from wesep_like.cli.output import print_result, progress_bar, say

EXAMPLES = (
    "wesep-like evaluate exp/film data/mini/test -o exp/film/test",
    "wesep-like evaluate bundled data/mini/test -o reports/bundled --metrics si_sdr,similarity",
    "wesep-like evaluate exp/film data/mini/test -o exp/film/test --against reports/bundled",
)


def run(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Experiment or model folder, or 'bundled'.")
    ],
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Folder with mixtures.jsonl, or such a file.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="REPORT", help="Folder for scores.csv, summary, report."
        ),
    ],
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="Of si_sdr, sdr, pesq, stoi, estoi, similarity, dnsmos. [default: all but dnsmos]",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(metavar="REPORT", help="Folder of another report, to compare with."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Processes that score while this one extracts; 0 leaves the real-time factor "
            "undisturbed. [default: up to 4]",
        ),
    ] = None,
    device: options.Device = "auto",
    trust_code: options.TrustCode = False,
    vad: options.Vad = "none",
    max_seconds: options.MaxSeconds = None,
    as_json: options.Json = False,
) -> None:
    """Extract and score every fixed mixture of DATA.

    Means come with 95 % intervals; the failure rate is the share of trials with an SI-SDRi below
    1 dB. A mixture that cannot be used is reported and left out; the exit code is then 1. With
    --against the differences to another system are told, with their intervals and p values.
    """
    if workers is None:
        workers = min(4, os.cpu_count() or 1)
    _leave_cores_to(workers)

    from wesep_like.evaluation.extraction import evaluate_extraction
    from wesep_like.evaluation.mixture_set import read_mixture_set
    from wesep_like.inference.extractor import Extractor

    mixtures = read_mixture_set(data)
    extractor = Extractor.load(
        model, device, trust_code=trust_code, vad=vad, max_seconds=max_seconds
    )
    about = {"model": str(model), "data": str(data), **mixtures.about, "vad": vad}
    if max_seconds is not None:
        about["max_seconds"] = f"{max_seconds:g}"
    with progress_bar("evaluating") as progress:
        summary = evaluate_extraction(
            extractor,
            mixtures.plans,
            output=output,
            metrics=None if metrics is None else metrics.split(","),
            num_workers=workers,
            about=about,
            sexes=mixtures.sexes,
            against=against,
            progress=progress,
        )
    for broken in summary["broken"]:
        say(f"error: {broken['id']}: {broken['problem']}")
    for warning in summary["against"]["warnings"] if summary["against"] else ():
        say(f"warning: against {against}: {warning}")
    print_result(summary, _table(summary), as_json=as_json)
    if summary["num_broken"]:
        say(f"error: {summary['num_broken']} of {len(mixtures.plans)} trials could not be scored")
        raise typer.Exit(1)


def _leave_cores_to(workers: int) -> None:
    """Fewer threads here: one that waits for a core holds all others of its operation up."""
    # Torch reads it when it is loaded. To tell torch later would not do: see `audio.vad`.
    if workers:
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) - workers)))


def _table(summary: Mapping[str, Any]) -> Iterator[str]:
    yield f"{'':20} {'mean':>8}  {'95 % interval':>18} {'trials':>9}"
    for name, value in summary["metrics"].items():
        between = _between(value["interval"])
        yield f"{name:20} {value['mean']:8.2f}  {between:>18} {value['num']:9}"
    if "dnsmos_ovrl" in summary["metrics"]:
        yield "dnsmos is as high for a wrong voice: read it beside si_sdri and similarity"
    if summary["failure_rate"] is not None:
        yield f"{'failure rate':20} {100 * summary['failure_rate']:6.1f} %"
    speed = summary["real_time_factor"]["value"]
    if speed is not None:
        yield f"{'real-time factor':20} {speed:8.2f}"
    if summary["against"]:
        yield from _comparison(summary["against"])
    yield f"report: {summary['files']['report']}"


def _comparison(against: Mapping[str, Any]) -> Iterator[str]:
    from wesep_like.evaluation.report.html import counted

    pairs = counted(against["num_pairs"], "pair")
    yield f"against {against['report']}: {pairs}, each p for its metric alone (uncorrected)"
    columns = f"{'this':>8} {'other':>8} {'difference':>10}  {'95 % interval':>18}"
    yield f"{'':20} {columns} {'p':>7} {'better':>8} {'worse':>8}"
    for name, value in against["metrics"].items():
        between = _between(value["interval"])
        means = f"{value['mean']:8.2f} {value['other_mean']:8.2f} {value['difference']:10.2f}"
        shares = f"{100 * value['better']:6.1f} % {100 * value['worse']:6.1f} %"
        yield f"{name:20} {means}  {between:>18} {value['p']:7.4f} {shares}"


def _between(interval: tuple[float, float] | None) -> str:
    """As text; nothing of a single mixture, whose mean has no interval."""
    return "" if interval is None else f"{interval[0]:.2f} .. {interval[1]:.2f}"
