"""A detection error tradeoff plot as SVG text, on probit scales, as NIST draws it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from scipy.special import ndtri

from wesep_like.evaluation.error_rates import P_TARGETS
from wesep_like.metrics.detection import eer_of
from wesep_like.metrics.error_curves import ErrorCurves

_SIDE, _LEFT, _RIGHT, _BOTTOM = 480, 64, 24, 56  # of the plot, and its margins
_LINE = 20  # of the titles above it, one for each system
# In percent.
_TICKS = np.array(
    [
        *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 40),
        *(60, 80, 90, 95, 98, 99),
    ]
)
_LABEL_WIDTH, _NAME_WIDTH = 32, 90  # of numbers at the axes, of names at the marks
_ALWAYS = (10, 40)  # in percent: what a plot reaches from and to at least
_STYLE = """
text { font: 12px sans-serif; fill: #222 } .title { font-size: 14px }
.grid { stroke: #ddd; fill: none } .frame { stroke: #555; fill: none }
.even { stroke: #bbb; stroke-dasharray: 4 4 }
.curve { stroke-width: 2; fill: none } .mark { stroke: #fff }
.name { stroke: #fff; stroke-width: 3; paint-order: stroke }
"""
_COLOURS = ("#1f5fa8", "#c4451c")


def det_picture(systems: Sequence[tuple[str, ErrorCurves]]) -> str:
    """The DET curve, the equal error rate, and where the detection costs are lowest.

    Args:
        systems: One, or two on the same trials: a title and the error rates at each threshold.

    Source:
        Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997.
    """
    marks = [_marks(curves) for _, curves in systems]
    largest = max(max(false_alarm, miss) for each in marks for _, false_alarm, miss in each)
    ticks = _ticks([curves for _, curves in systems], largest)
    low, high = (ndtri(tick / 100) for tick in (ticks[0], ticks[-1]))
    top = _LINE * (1 + len(systems))
    bottom, centre = top + _SIDE, _LEFT + _SIDE / 2

    def place(false_alarm: Any, miss: Any) -> tuple[Any, Any]:
        across, up = ((probit - low) / (high - low) for probit in (false_alarm, miss))
        return _LEFT + across * _SIDE, bottom - up * _SIDE

    parts = [f'<rect width="{_LEFT + _SIDE + _RIGHT}" height="100%" fill="#fff"/>']
    labelled = -np.inf
    for tick in ticks:
        x, y = place(ndtri(tick / 100), ndtri(tick / 100))
        parts.append(f'<path class="grid" d="M{x:.1f} {top}v{_SIDE}M{_LEFT} {y:.1f}h{_SIDE}"/>')
        if x - labelled >= _LABEL_WIDTH:
            labelled = x
            parts.append(
                f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{tick:g}</text>'
            )
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    parts.append(f'<path class="even" d="M{_LEFT} {bottom}L{_LEFT + _SIDE} {top}"/>')
    inside = f'x="{_LEFT}" y="{top}" width="{_SIDE}" height="{_SIDE}"'
    parts.append(f'<clipPath id="plot"><rect {inside}/></clipPath>')
    rates = [eer_of(curves).rate for _, curves in systems]
    for number, ((title, curves), of_system) in enumerate(zip(systems, marks, strict=True)):
        colour = _COLOURS[number]
        points = np.unique(np.round(np.stack(place(*curves.probits()), axis=1), 1), axis=0)
        # Misses grow as false alarms fall: in order of x, then from top to bottom.
        line = " ".join(f"{x:g},{y:g}" for x, y in points)
        parts.append(
            f'<polyline class="curve" stroke="{colour}" clip-path="url(#plot)" points="{line}"/>'
            f'<text class="title" style="fill: {colour}" x="{_LEFT}" y="{_LINE * (number + 1) + 6}"'
            f">{escape(title)}: EER {100 * rates[number]:.2f} %</text>"
        )
        if not len(points):
            parts.append(
                f'<text x="{centre}" y="{top + _SIDE / 2 + _LINE * number}" text-anchor="middle" '
                f'style="fill: {colour}">no threshold has both misses and false alarms</text>'
            )
        # Of two curves, the lower one has its names below it.
        is_below = len(systems) > 1 and number == int(np.argmin(rates))
        for name, false_alarm, miss in of_system:
            x, y = place(ndtri(false_alarm), ndtri(miss))
            if _LEFT <= x <= _LEFT + _SIDE and top <= y <= bottom:
                said = f"{name}: false alarms {100 * false_alarm:.3g} %, misses {100 * miss:.3g} %"
                if is_below and x > _LEFT + _NAME_WIDTH:
                    beside = f'x="{x - 8:.1f}" y="{y + 14:.1f}" text-anchor="end"'
                else:
                    beside = f'x="{x + 8:.1f}" y="{max(y - 4, top + 14):.1f}"'
                parts.append(
                    f'<circle class="mark" fill="{colour}" cx="{x:.1f}" cy="{y:.1f}" r="4.5">'
                    f"<title>{said}</title></circle>"
                    f'<text class="name" style="fill: {colour}" {beside}>{name}</text>'
                )
    parts.append(
        f'<rect class="frame" {inside}/>'
        f'<text x="{centre}" y="{bottom + 42}" text-anchor="middle">false alarms (%)</text>'
        f'<text transform="translate(18 {top + _SIDE / 2}) rotate(-90)" text-anchor="middle">'
        "misses (%)</text>"
    )
    of_what = escape(" and ".join(title for title, _ in systems), quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _SIDE + _RIGHT} '
        f'{bottom + _BOTTOM}" role="img" aria-label="DET curve of {of_what}">'
        f"<style>{_STYLE}</style>" + "".join(parts) + "</svg>\n"
    )


def _marks(curves: ErrorCurves) -> list[tuple[str, float, float]]:
    """(name, false alarms, misses) of the points that are marked."""
    rate = eer_of(curves).rate
    marks = [("EER", rate, rate)]
    for p_target in P_TARGETS:
        best = np.argmin(p_target * curves.miss + (1 - p_target) * curves.false_alarm)
        marks.append((f"minDCF({p_target:g})", curves.false_alarm[best], curves.miss[best]))
    return marks


def _ticks(systems: Sequence[ErrorCurves], largest: float) -> np.ndarray:
    """To above the largest rate that is marked, from below the smallest that is seen then."""
    end = int(np.searchsorted(_TICKS, max(100 * largest, _ALWAYS[1])))
    rates = 100 * np.concatenate(
        [np.stack([curves.miss, curves.false_alarm]) for curves in systems], axis=1
    )
    seen = rates[:, (rates <= _TICKS[min(end, len(_TICKS) - 1)]).all(axis=0)]
    low = seen[seen > 0].min(initial=_ALWAYS[0])
    first = max(int(np.searchsorted(_TICKS, low, side="right")) - 1, 0)
    return _TICKS[first : end + 1]
