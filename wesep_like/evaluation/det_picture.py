"""A detection error tradeoff plot as SVG text, on probit scales, as NIST draws it."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
from scipy.special import ndtri

from wesep_like.evaluation.error_rates import P_TARGETS
from wesep_like.metrics.detection import eer_of
from wesep_like.metrics.error_curves import ErrorCurves

_SIDE, _LEFT, _TOP, _RIGHT, _BOTTOM = 480, 64, 40, 24, 56  # of the plot, and its margins
# In percent.
_TICKS = np.array(
    [
        *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 40),
        *(60, 80, 90, 95, 98, 99),
    ]
)
_LABEL_WIDTH = 32
_ALWAYS = (10, 40)  # in percent: what a plot reaches from and to at least
_STYLE = """
text { font: 12px sans-serif; fill: #222 } .title { font-size: 14px }
.grid { stroke: #ddd; fill: none } .frame { stroke: #555; fill: none }
.even { stroke: #bbb; stroke-dasharray: 4 4 }
.curve { stroke: #1f5fa8; stroke-width: 2; fill: none }
.mark { fill: #1f5fa8 } .low { fill: #c4451c }
"""


def det_picture(curves: ErrorCurves, title: str) -> str:
    """The DET curve, the equal error rate, and where the detection costs are lowest.

    Args:
        curves: Error rates at each threshold.
        title: Above the plot.

    Source:
        Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997.
    """
    across, up = curves.probits()
    rate = eer_of(curves).rate
    marks = [("EER", rate, rate, "low")]
    for p_target in P_TARGETS:
        place = np.argmin(p_target * curves.miss + (1 - p_target) * curves.false_alarm)
        marks.append(
            (f"minDCF({p_target:g})", curves.false_alarm[place], curves.miss[place], "mark")
        )
    ticks = _ticks(curves, max(max(mark[1:3]) for mark in marks))
    low, high = (ndtri(tick / 100) for tick in (ticks[0], ticks[-1]))

    def to_x(probit: Any) -> Any:
        return _LEFT + (probit - low) / (high - low) * _SIDE

    def to_y(probit: Any) -> Any:
        return _TOP + _SIDE - (probit - low) / (high - low) * _SIDE

    parts = [f'<rect width="{_LEFT + _SIDE + _RIGHT}" height="100%" fill="#fff"/>']
    labelled = -np.inf
    for tick in ticks:
        x, y = to_x(ndtri(tick / 100)), to_y(ndtri(tick / 100))
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}v{_SIDE}M{_LEFT} {y:.1f}h{_SIDE}"/>')
        if x - labelled >= _LABEL_WIDTH:
            labelled = x
            parts.append(
                f'<text x="{x:.1f}" y="{_TOP + _SIDE + 18}" text-anchor="middle">{tick:g}</text>'
            )
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    parts.append(f'<path class="even" d="M{_LEFT} {_TOP + _SIDE}L{_LEFT + _SIDE} {_TOP}"/>')
    inside = f'x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}"'
    parts.append(f'<clipPath id="plot"><rect {inside}/></clipPath>')
    points = np.unique(np.round(np.stack([to_x(across), to_y(up)], axis=1), 1), axis=0)
    # Misses grow as false alarms fall: in order of x, then from top to bottom.
    line = " ".join(f"{x:g},{y:g}" for x, y in points)
    parts.append(f'<polyline class="curve" clip-path="url(#plot)" points="{line}"/>')
    for name, false_alarm, miss, kind in marks:
        x, y = to_x(ndtri(false_alarm)), to_y(ndtri(miss))
        if _LEFT <= x <= _LEFT + _SIDE and _TOP <= y <= _TOP + _SIDE:
            said = f"{name}: false alarms {100 * false_alarm:.3g} %, misses {100 * miss:.3g} %"
            parts.append(
                f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{said}</title>'
                f'</circle><text x="{x + 10:.1f}" y="{y + 1:.1f}">{name}</text>'
            )
    if not len(points):
        parts.append(
            f'<text x="{_LEFT + _SIDE / 2}" y="{_TOP + _SIDE / 2}" text-anchor="middle">no '
            "threshold has both misses and false alarms</text>"
        )
    centre = _LEFT + _SIDE / 2
    parts.append(
        f'<rect class="frame" {inside}/><text class="title" x="{_LEFT}" y="{_TOP - 14}">'
        f"{escape(title)}: EER {100 * rate:.2f} %</text>"
        f'<text x="{centre}" y="{_TOP + _SIDE + 42}" text-anchor="middle">false alarms (%)</text>'
        f'<text transform="translate(18 {_TOP + _SIDE / 2}) rotate(-90)" text-anchor="middle">'
        "misses (%)</text>"
    )
    width, height = _LEFT + _SIDE + _RIGHT, _TOP + _SIDE + _BOTTOM
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="DET curve of {escape(title, quote=True)}"><style>{_STYLE}</style>'
        + "".join(parts)
        + "</svg>\n"
    )


def _ticks(curves: ErrorCurves, largest: float) -> np.ndarray:
    """To above the largest rate that is marked, from below the smallest that is seen then."""
    end = int(np.searchsorted(_TICKS, max(100 * largest, _ALWAYS[1])))
    rates = 100 * np.stack([curves.miss, curves.false_alarm])
    seen = rates[:, (rates <= _TICKS[min(end, len(_TICKS) - 1)]).all(axis=0)]
    low = seen[seen > 0].min(initial=_ALWAYS[0])
    first = max(int(np.searchsorted(_TICKS, low, side="right")) - 1, 0)
    return _TICKS[first : end + 1]
