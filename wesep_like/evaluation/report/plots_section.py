"""SI-SDRi and failures of the trials that were scored, as plots with their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wesep_like.evaluation.report.groups import Group, by_bins, by_sexes
from wesep_like.evaluation.report.html import counted, figure, interval, percent, table, to_open
from wesep_like.evaluation.report.pictures import Mean, histogram, scatter, whiskers
from wesep_like.evaluation.scoring import WRONG_VOICE
from wesep_like.metrics.report import FAILURE_BELOW_DB

_SI_SDRI = "SI-SDRi (dB)"
_MIN_NUM = 5  # of trials in a bin whose mean is drawn
_LIMIT = f"{FAILURE_BELOW_DB:g} dB"


def plots_section(rows: Sequence[Mapping[str, Any]]) -> str:
    """Plots of rows that have an SI-SDRi, at least one; only of what is known of them."""
    figures = [
        figure(
            "Improvement of all trials",
            histogram(
                [row["si_sdri"] for row in rows], x_label=_SI_SDRI, low_below=FAILURE_BELOW_DB
            ),
            "Failures have the other colour.",
        )
    ]
    if groups := by_bins(rows, "enrollment_seconds"):
        label = "Length of the enrollment (s)"
        figures.append(_scatter(rows, "enrollment_seconds", label, groups))
    if groups := by_bins(rows, "sir_db"):
        figures += [
            _scatter(rows, "sir_db", "Input SIR (dB)", groups),
            _failures(groups, "SIR (dB)"),
        ]
    if groups := by_sexes(rows):
        figures += [_improvements(groups, "Sexes"), _failures(groups, "Sexes")]
    return (
        f"<h2>Improvement and failures</h2><p>{_failed(rows)}</p>"
        f'<div class="plots">{"".join(figures)}</div>'
    )


def _failed(rows: Sequence[Mapping[str, Any]]) -> str:
    failed = [row for row in rows if row["si_sdri"] < FAILURE_BELOW_DB]
    told = f"{len(failed)} of {counted(len(rows), 'trial')} failed, with an SI-SDRi below {_LIMIT}."
    known = [row[WRONG_VOICE] for row in failed if row.get(WRONG_VOICE) is not None]
    return told + (f" In {sum(known):g} of them the wrong voice came out." if known else "")


def _scatter(
    rows: Sequence[Mapping[str, Any]], column: str, label: str, groups: Sequence[Group]
) -> str:
    points = [
        (row[column], row["si_sdri"], row["id"]) for row in rows if row.get(column) is not None
    ]
    picture = scatter(
        points,
        x_label=label,
        y_label=_SI_SDRI,
        low_below=FAILURE_BELOW_DB,
        means=[_improvement(group) for group in groups if group.num >= _MIN_NUM],
    )
    return figure(
        f"Improvement by {_within(label)}",
        picture,
        f"Each dot is a trial. Crosses are means of the {_MIN_NUM} or more trials in a bin, "
        "with 95 % intervals.",
        _numbers(groups, label),
    )


def _improvements(groups: Sequence[Group], title: str) -> str:
    return figure(
        f"Improvement by {_within(title)}",
        whiskers([_improvement(group) for group in groups], x_label=f"mean {_SI_SDRI}"),
        "Means with 95 % intervals. 'F with M' is a target of sex F with an interferer of sex M.",
        _numbers(groups, title),
    )


def _failures(groups: Sequence[Group], title: str) -> str:
    means = [
        Mean(
            f"{group.name}, n = {group.num}",
            100 * group.failures,
            (100 * group.failure_interval[0], 100 * group.failure_interval[1]),
        )
        for group in groups
    ]
    return figure(
        f"Failures by {_within(title)}",
        whiskers(means, x_label="failures (% of trials)", has_zero=True),
        "Shares of trials with 95 % intervals.",
    )


def _within(title: str) -> str:
    """A title within a line: without the unit, and small where it is a word."""
    name = title.partition(" (")[0]
    return name if name.isupper() else name[0].lower() + name[1:]


def _improvement(group: Group) -> Mean:
    return Mean(f"{group.name}, n = {group.num}", group.mean, group.interval, group.bounds)


def _numbers(groups: Sequence[Group], title: str) -> str:
    lines = [
        [
            group.name,
            str(group.num),
            f"{group.mean:.2f}",
            interval(group.interval),
            percent(group.failures),
            interval([100 * end for end in group.failure_interval], 1),
        ]
        for group in groups
    ]
    head = [title, "Trials", _SI_SDRI, "95 % interval", "Failures", "95 % interval (%)"]
    return to_open("Numbers", table(head, lines))
