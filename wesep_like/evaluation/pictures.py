"""Two kinds of picture as SVG text, so that a report needs no plotting library and no second file.

Colours are CSS classes that the page sets: `mark`, `low`, `grid`, `axis`, `note`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

import numpy as np

_WIDTH, _HEIGHT = 560, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 16, 48  # margins


def histogram(values: Sequence[float], *, x_label: str, low_below: float) -> str:
    """How many values lie in each of some bins; those of low values stand out."""
    step = _step(min(values), max(values), 24)
    # Counted from the limit, so that it is an edge and not inside a bar.
    first, last = (math.floor((end - low_below) / step) for end in (min(values), max(values)))
    edges = low_below + np.arange(first, last + 2) * step
    counts, _ = np.histogram(values, edges)
    to_x, to_y, parts = _frame((edges[0], edges[-1]), (0, counts.max()), x_label, "mixtures")
    for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True):
        kind = "mark low" if right <= low_below else "mark"
        x, width, y = to_x(left) + 1, to_x(right) - to_x(left) - 2, to_y(count)
        parts.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{to_y(0) - y:.1f}"><title>{left:g} to {right:g}: {count}</title></rect>'
        )
    return _svg(parts, f"Histogram of {x_label}")


def scatter(
    points: Sequence[tuple[float, float, str]], *, x_label: str, y_label: str, low_below: float
) -> str:
    """One dot for each (x, y, name); the name shows where the mouse rests. Low ones stand out."""
    xs, ys = [x for x, _, _ in points], [y for _, y, _ in points]
    to_x, to_y, parts = _frame((min(xs), max(xs)), (min(*ys, 0), max(*ys, 0)), x_label, y_label)
    limit = to_y(low_below)
    parts.append(f'<path class="limit" d="M{_LEFT} {limit:.1f}H{_WIDTH - _RIGHT}"/>')
    for x, y, name in points:
        kind = "mark low" if y < low_below else "mark"
        parts.append(
            f'<circle class="{kind}" cx="{to_x(x):.1f}" cy="{to_y(y):.1f}" r="3.5">'
            f"<title>{escape(name)}: {x:.2f}, {y:.2f}</title></circle>"
        )
    return _svg(parts, f"{y_label} against {x_label}")


def _frame(
    x_range: tuple[float, float], y_range: tuple[float, float], x_label: str, y_label: str
) -> tuple[Callable[[float], float], Callable[[float], float], list[str]]:
    """Where a value lies on each axis, in pixels; and grid, numbers and names of the axes."""
    x_ticks, y_ticks = _ticks(*x_range), _ticks(*y_range)
    to_x = _scale(x_ticks, _LEFT, _WIDTH - _RIGHT)
    to_y = _scale(y_ticks, _HEIGHT - _BOTTOM, _TOP)
    bottom, middle = _HEIGHT - _BOTTOM, (_TOP + _HEIGHT - _BOTTOM) / 2
    parts = []
    for tick in y_ticks:
        y = to_y(tick)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in x_ticks:
        x = to_x(tick)
        parts.append(f'<path class="axis" d="M{x:.1f} {bottom}v4"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<path class="axis" d="M{_LEFT} {bottom}H{_WIDTH - _RIGHT}"/>')
    centre = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(
        f'<text x="{centre}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>'
        f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_label)}</text>"
    )
    return to_x, to_y, parts


def _ticks(low: float, high: float) -> np.ndarray:
    """Round numbers that reach from at most `low` to at least `high`."""
    step = _step(low, high, 7)
    first, last = math.floor(low / step), math.ceil(high / step)
    return np.arange(first, max(last, first + 1) + 1) * step


def _step(low: float, high: float, at_most: int) -> float:
    """The least of 1, 2, 5, 10, ... that cuts the range into no more pieces than that."""
    wanted = max(high - low, 1) / at_most
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= wanted * (1 - 1e-9))


def _scale(ticks: np.ndarray, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (value - ticks[0]) / (ticks[-1] - ticks[0]) * (end - start)


def _svg(parts: Sequence[str], title: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        + "".join(parts)
        + "</svg>"
    )
