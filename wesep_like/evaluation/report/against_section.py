"""How a system compares with another one on the same trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from wesep_like.evaluation.report.html import counted, figure, percent, table, terms
from wesep_like.evaluation.report.metric_names import METRIC_NAMES
from wesep_like.evaluation.report.pictures import scatter
from wesep_like.metrics.report import FAILURE_BELOW_DB

_HOW = (
    "Trials are paired by their ids. 'Difference' is this system minus the other, with a 95 % "
    "interval by a bootstrap over mixtures; the two trials of one mixture are drawn together. p is "
    "two-sided, of a randomisation test: how often the mean difference is as large if the signs of "
    "the differences are drawn, mixture by mixture. Each p is of its metric alone, not corrected "
    "for the number of metrics; decide before looking which one counts. 'Better' and 'worse' are "
    "shares of the pairs; ties are neither. Where only a handful of pairs differ, as failures may, "
    "the interval is too narrow: go by p."
)


def against_section(
    against: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    other_rows: Sequence[Mapping[str, Any]],
) -> str:
    """A table of all metrics, and the SI-SDRi of each trial by both systems.

    Args:
        against: As `compare_reports` returns it.
        rows: Of this system.
        other_rows: Of the other one.
    """
    about = terms([("report", against["report"]), *against["about"].items()])
    warnings = "".join(f"<p><strong>{escape(text)}.</strong></p>" for text in against["warnings"])
    improvements = {row["id"]: row["si_sdri"] for row in other_rows}
    points = [
        (improvements[row["id"]], row["si_sdri"], row["id"])
        for row in rows
        if None not in (row["si_sdri"], improvements.get(row["id"]))
    ]
    plot = ""
    if points:
        picture = scatter(
            points,
            x_label="SI-SDRi of the other system (dB)",
            y_label="SI-SDRi of this system (dB)",
            low_below=FAILURE_BELOW_DB,
            has_diagonal=True,
        )
        caption = "Each dot is a trial. Above the diagonal this system is better."
        plot = f'<div class="plots">{figure("Trial by trial", picture, caption)}</div>'
    return (
        f"<h2>Against another system</h2>{about}{warnings}<p>{_pairs(against)}</p>"
        f'{_table(against["metrics"])}<p class="soft">{escape(_HOW)}</p>{plot}'
    )


def p_text(p: float) -> str:
    """A p value as papers have it."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _pairs(against: Mapping[str, Any]) -> str:
    parts = [f"{counted(against['num_pairs'], 'trial')} in both reports"]
    if against["num_alone"]:
        parts.append(f"{against['num_alone']} only in this one")
    if against["num_other_alone"]:
        parts.append(f"{against['num_other_alone']} only in the other")
    return ", ".join(parts) + "."


def _table(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    lines = []
    for key, name in METRIC_NAMES.items():
        if key not in metrics:
            continue
        found = metrics[key]
        lines.append(
            [
                name.title,
                str(found["num"]),
                *(name.show(found[part]) for part in ("mean", "other_mean")),
                f"{name.factor * found['difference']:+.{name.decimals}f}",
                name.show_interval(found["interval"]),
                p_text(found["p"]),
                percent(found["better"]),
                percent(found["worse"]),
            ]
        )
    head = ["Mean of", "Pairs", "This", "Other", "Difference", "95 % interval", "p"]
    return table([*head, "Better", "Worse"], lines)
