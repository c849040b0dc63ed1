"""A report that opens in any browser: one HTML file with its pictures and sounds inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from wesep_like.config.atomic import atomic_path
from wesep_like.evaluation.comparison import FAILURE
from wesep_like.evaluation.report.against_section import against_section
from wesep_like.evaluation.report.html import counted, interval, page, percent, table, terms
from wesep_like.evaluation.report.metric_names import METRIC_NAMES
from wesep_like.evaluation.report.plots_section import plots_section
from wesep_like.evaluation.report.worst_section import worst_section
from wesep_like.evaluation.scoring import WRONG_VOICE
from wesep_like.evaluation.worst import WorstMixture
from wesep_like.metrics.report import FAILURE_BELOW_DB
from wesep_like.metrics.resampling import share_interval

_INTERVALS = (
    "Intervals of means are of a bootstrap over mixtures; the trials of one mixture, each of whose "
    "speakers is the target once, are drawn together. Those of shares are Wilson's."
)
_WRONG_VOICE = (
    "The wrong voice came out where the output has an SI-SDRi of "
    f"{FAILURE_BELOW_DB:g} dB or more with all of the mixture but the target as target."
)
_DNSMOS = (
    "DNSMOS hears the output alone: it rises as well on clean speech of the wrong voice, and where "
    "nothing was extracted. Read it beside SI-SDRi and similarity, never alone."
)


def is_scored(row: Mapping[str, Any]) -> bool:
    """Whether a trial's row has its number: SI-SDRi, or attenuation without a target."""
    return row["si_sdri"] is not None or row.get("attenuation_db") is not None


def write_report(
    path: str | Path,
    summary: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    worst: Sequence[WorstMixture],
    other_rows: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Writes the report of one evaluation.

    Args:
        path: The HTML file.
        summary: As `evaluate_extraction` returns it.
        rows: One a trial, as in `scores.csv`.
        worst: The worst of them with their signals, worst first.
        other_rows: Those of the system that `summary["against"]` is about.

    Raises:
        OutputError: If the file cannot be written there.
    """
    with_target = [row for row in rows if row["si_sdri"] is not None]
    parts = [
        _about(summary),
        _tiles(summary),
        _means(summary, with_target) if summary["metrics"] else "",
        against_section(summary["against"], rows, other_rows) if summary["against"] else "",
        plots_section(with_target) if with_target else "",
        worst_section(worst) if worst else "",
        _broken([row for row in rows if not is_scored(row)]),
    ]
    text = page("Extraction of a target voice: evaluation", parts)
    with atomic_path(path) as draft:
        draft.write_text(text, encoding="utf-8")


def _about(summary: Mapping[str, Any]) -> str:
    about = [(name, str(value)) for name, value in summary["about"].items()]
    return terms([*about, ("real-time factor", summary["real_time_factor"]["how"])])


def _tiles(summary: Mapping[str, Any]) -> str:
    metrics, failures = summary["metrics"], summary["failure_rate"]
    num_trials, num_mixtures = summary["num_trials"], summary["num_mixtures"]
    told = f"{counted(num_trials, 'trial').partition(' ')[2]} scored"
    if num_mixtures != num_trials:
        told += f", of {counted(num_mixtures, 'mixture')}"
    tiles = [(str(num_trials), told)]
    if summary["num_broken"]:
        tiles.append((str(summary["num_broken"]), "could not be scored"))
    if improvement := metrics.get("si_sdri"):
        told = "mean SI-SDRi"
        if improvement["interval"] is not None:
            told += f", 95 % interval {interval(improvement['interval'])} dB"
        tiles.append((f"{improvement['mean']:.2f} dB", told))
    if failures is not None:
        told = f"failures: SI-SDRi below {FAILURE_BELOW_DB:g} dB"
        tiles.append((percent(failures), told))
    if attenuation := metrics.get("attenuation_db"):
        told = f"mean attenuation of {counted(attenuation['num'], 'trial')} without the target"
        tiles.append((f"{attenuation['mean']:.1f} dB", told))
    if (real_time := summary["real_time_factor"]["value"]) is not None:
        tiles.append((f"{real_time:.3f}", "real-time factor"))
    divs = (f"<div><b>{value}</b><span>{name}</span></div>" for value, name in tiles)
    return f'<div class="tiles">{"".join(divs)}</div>'


def _means(summary: Mapping[str, Any], with_target: Sequence[Mapping[str, Any]]) -> str:
    metrics = summary["metrics"]
    lines = []
    for key, name in METRIC_NAMES.items():
        if key == FAILURE and with_target:
            own = _share([row["si_sdri"] < FAILURE_BELOW_DB for row in with_target])
        elif key == WRONG_VOICE and key in metrics:
            own = _share([row[key] for row in with_target if row[key] is not None])
        elif key in metrics:
            own = metrics[key]
        else:
            continue
        before = metrics.get(f"mixture_{key}")
        lines.append(
            [
                name.title,
                name.show(before["mean"]) if before else "",
                name.show(own["mean"]),
                name.show_interval(own["interval"]),
                str(own["num"]),
            ]
        )
    head = ["Mean of", "Mixture", "Extracted", "95 % interval", "Trials"]
    notes = [_INTERVALS]
    if WRONG_VOICE in metrics:
        notes.append(_WRONG_VOICE)
    if "dnsmos_ovrl" in metrics:
        notes.append(_DNSMOS)
    return f'<h2>Means</h2>{table(head, lines)}<p class="soft">{escape(" ".join(notes))}</p>'


def _share(happened: Sequence[float]) -> dict[str, Any]:
    """Like the entry of a metric in the summary, of what happened (1) or not (0)."""
    num, num_all = int(sum(happened)), len(happened)
    ends = share_interval(num, num_all) if num_all > 1 else None
    return {"mean": num / num_all, "interval": ends, "num": num_all}


def _broken(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    lines = [[row["id"], row["note"]] for row in rows]
    return "<h2>Trials that could not be scored</h2>" + table(["Trial", "Why"], lines, num_text=2)
