"""Three kinds of plot as SVG text, so that a report needs no plotting library and no second file.

Colours are CSS classes that the page sets: `mark`, `low`, `mean`, `limit`, `grid`, `axis`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

_WIDTH, _HEIGHT = 440, 290
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 22, 14, 46  # margins
_LINE_HEIGHT = 26
_LETTER_WIDTH = 6.8  # more than that of most fonts at 12 px
_MAX_NAMED_DOTS = 1000

Scale = Callable[[float], float]


@dataclass(frozen=True)
class Mean:
    """A mean of some trials and its interval.

    Args:
        name: Which trials.
        value: The mean.
        interval: (low, high); None if it has none.
        x_range: Where on the x axis of a scatter plot these trials lie.
    """

    name: str
    value: float
    interval: tuple[float, float] | None
    x_range: tuple[float, float] | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """From where up to where a line is drawn: nowhere without an interval."""
        return self.interval or (self.value, self.value)


def histogram(values: Sequence[float], *, x_label: str, low_below: float) -> str:
    """How many values lie in each of some bins; those of low values stand out."""
    step = round_step(min(values), max(values), 24)
    # Counted from the limit, so that it is an edge and not inside a bar.
    first, last = (math.floor((end - low_below) / step) for end in (min(values), max(values)))
    edges = low_below + np.arange(first, last + 2) * step
    counts, _ = np.histogram(values, edges)
    to_x, to_y, parts = _frame((edges[0], edges[-1]), (0, counts.max()), x_label, "trials")
    for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True):
        kind = "mark low" if right <= low_below else "mark"
        x, width, y = to_x(left) + 0.5, to_x(right) - to_x(left) - 1, to_y(count)
        parts.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{to_y(0) - y:.1f}"><title>{left:g} to {right:g}: {count}</title></rect>'
        )
    return _svg(parts, f"Histogram of {x_label}")


def scatter(
    points: Sequence[tuple[float, float, str]],
    *,
    x_label: str,
    y_label: str,
    low_below: float,
    means: Sequence[Mean] = (),
    has_diagonal: bool = False,
) -> str:
    """One dot for each (x, y, name); low ones stand out.

    The name shows where the mouse rests, but of many dots none has one: the page stays small.

    Args:
        points: At least one.
        x_label: With the unit.
        y_label: With the unit.
        low_below: A limit of y, which is drawn.
        means: Each over its `x_range`, above the dots.
        has_diagonal: Both axes have one range, and a line where x and y are equal.
    """
    x_ends, y_ends = (
        (min(numbers), max(numbers)) for numbers in zip(*(p[:2] for p in points), strict=True)
    )
    x_ends = (
        min([x_ends[0], *(mean.x_range[0] for mean in means if mean.x_range)]),
        max([x_ends[1], *(mean.x_range[1] for mean in means if mean.x_range)]),
    )
    y_ends = min(*y_ends, 0), max(*y_ends, low_below)
    if has_diagonal:
        x_ends = y_ends = min(*x_ends, *y_ends), max(*x_ends, *y_ends)
    to_x, to_y, parts = _frame(x_ends, y_ends, x_label, y_label)
    if has_diagonal:
        (left, low), (right, high) = ((to_x(end), to_y(end)) for end in x_ends)
        parts.append(f'<path class="axis" d="M{left:.1f} {low:.1f}L{right:.1f} {high:.1f}"/>')
    limit = to_y(low_below)
    parts.append(f'<path class="limit" d="M{_LEFT} {limit:.1f}H{_WIDTH - _RIGHT}"/>')
    dot = _named_dot if len(points) <= _MAX_NAMED_DOTS else _bare_dot
    size = "dots" if len(points) <= _MAX_NAMED_DOTS else "dots many"
    for is_low in (False, True):
        dots = [dot(to_x, to_y, *point) for point in points if (point[1] < low_below) == is_low]
        kind = f"{size} low" if is_low else size
        parts.append(f'<g class="{kind}">{"".join(dots)}</g>')
    for mean in means:
        assert mean.x_range is not None
        left, right = (to_x(end) for end in mean.x_range)
        low, high = (to_y(end) for end in mean.ends)
        parts.append(
            f'<path class="mean" d="M{left + 1:.1f} {to_y(mean.value):.1f}H{right - 1:.1f}'
            f'M{(left + right) / 2:.1f} {low:.1f}V{high:.1f}">{_title(mean)}</path>'
        )
    return _svg(parts, f"{y_label} against {x_label}")


def whiskers(means: Sequence[Mean], *, x_label: str, has_zero: bool = False) -> str:
    """One line for each mean, from top to bottom: its name, a dot, and its interval.

    Args:
        means: At least one.
        x_label: With the unit.
        has_zero: The axis begins at 0.
    """
    left = round(_LETTER_WIDTH * max(len(mean.name) for mean in means)) + 20
    height = _TOP + _LINE_HEIGHT * len(means) + _BOTTOM
    ends = [end for mean in means for end in mean.ends] + [0.0] * has_zero
    ticks = _ticks(min(ends), max(ends), 5)
    to_x = _scale(ticks, left, _WIDTH - _RIGHT)
    parts = []
    for tick in ticks:
        parts.append(f'<path class="grid" d="M{to_x(tick):.1f} {_TOP}V{height - _BOTTOM}"/>')
    parts += _x_axis(ticks, to_x, left, height, x_label)
    for number, mean in enumerate(means):
        y = _TOP + _LINE_HEIGHT * (number + 0.5)
        low, high = (to_x(end) for end in mean.ends)
        parts.append(
            f'<text x="{left - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(mean.name)}</text>'
            f'<g class="whisker">{_title(mean)}<path class="mean" d="M{low:.1f} {y:.1f}H{high:.1f}'
            f'"/><circle cx="{to_x(mean.value):.1f}" cy="{y:.1f}" r="4.5"/></g>'
        )
    return _svg(parts, f"{x_label}, with 95 % intervals", height)


def round_step(low: float, high: float, at_most: int) -> float:
    """The least of 1, 2, 5, 10, ... that cuts the range into no more pieces than that."""
    wanted = max(high - low, 1) / at_most
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= wanted * (1 - 1e-9))


def _named_dot(to_x: Scale, to_y: Scale, x: float, y: float, name: str) -> str:
    return (
        f'<circle cx="{to_x(x):.1f}" cy="{to_y(y):.1f}" r="3">'
        f"<title>{escape(name)}: {x:.2f}, {y:.2f}</title></circle>"
    )


def _bare_dot(to_x: Scale, to_y: Scale, x: float, y: float, name: str) -> str:
    """A line of no length with round ends, the shortest way to write a dot."""
    return f'<path d="M{to_x(x):.1f} {to_y(y):.1f}h0"/>'


def _title(mean: Mean) -> str:
    between = "" if mean.interval is None else ", {:.2f} to {:.2f}".format(*mean.interval)
    return f"<title>{escape(mean.name)}: {mean.value:.2f}{between}</title>"


def _frame(
    x_range: tuple[float, float], y_range: tuple[float, float], x_label: str, y_label: str
) -> tuple[Scale, Scale, list[str]]:
    """Where a value lies on each axis, in pixels; and grid, numbers and names of the axes."""
    x_ticks, y_ticks = _ticks(*x_range, 7), _ticks(*y_range, 7)
    to_x = _scale(x_ticks, _LEFT, _WIDTH - _RIGHT)
    to_y = _scale(y_ticks, _HEIGHT - _BOTTOM, _TOP)
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    parts = []
    for tick in y_ticks:
        y = to_y(tick)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    parts += _x_axis(x_ticks, to_x, _LEFT, _HEIGHT, x_label)
    parts.append(
        f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_label)}</text>"
    )
    return to_x, to_y, parts


def _x_axis(ticks: np.ndarray, to_x: Scale, left: float, height: float, label: str) -> list[str]:
    bottom, right = height - _BOTTOM, _WIDTH - _RIGHT
    parts = [f'<path class="axis" d="M{left} {bottom}H{right}"/>']
    for tick in ticks:
        x = to_x(tick)
        parts.append(
            f'<path class="axis" d="M{x:.1f} {bottom}v4"/>'
            f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{tick:g}</text>'
        )
    middle = (left + right) / 2
    parts.append(f'<text x="{middle}" y="{height - 8}" text-anchor="middle">{escape(label)}</text>')
    return parts


def _ticks(low: float, high: float, at_most: int) -> np.ndarray:
    """Round numbers that reach from at most `low` to at least `high`."""
    step = round_step(low, high, at_most)
    first, last = math.floor(low / step), math.ceil(high / step)
    return np.arange(first, max(last, first + 1) + 1) * step


def _scale(ticks: np.ndarray, start: float, end: float) -> Scale:
    return lambda value: start + (value - ticks[0]) / (ticks[-1] - ticks[0]) * (end - start)


def _svg(parts: Sequence[str], title: str, height: float = _HEIGHT) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        + "".join(parts)
        + "</svg>"
    )
