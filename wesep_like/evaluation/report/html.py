"""Pieces of the page: its style, tables, figures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --page: #fff; --text: #1d2129; --soft: #5b6472; --line: #dcdfe4;
  --mark: #2f6db3; --low: #c8501e; --mean: #11151b; }
@media (prefers-color-scheme: dark) { :root { --page: #17191d; --text: #e6e8eb; --soft: #a3abb6;
  --line: #363b43; --mark: #6ea8e6; --low: #f08a55; --mean: #fff; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
  max-width: 1180px; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.5rem; margin: 0 0 .8rem; line-height: 1.25; }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .5rem; }
h3 { font-size: .95rem; margin: 0; overflow-wrap: anywhere; }
p { max-width: 75ch; margin: .4rem 0 1rem; overflow-wrap: anywhere; }
.soft, dt, figcaption, th, summary { color: var(--soft); }
figcaption { font-size: .87rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0; }
dd { margin: 0; overflow-wrap: anywhere; }
.tiles { display: grid; gap: .8rem; margin: 1.5rem 0;
  grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); }
.tiles div { border: 1px solid var(--line); border-radius: 8px; padding: .6rem 1rem; }
.tiles b { display: block; font-size: 1.6rem; font-weight: 600; line-height: 1.3; }
.tiles span { color: var(--soft); font-size: .85rem; line-height: 1.3; display: block; }
.plots { display: grid; gap: 1.6rem 2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); }
figure { margin: 0; min-width: 0; }
svg { display: block; width: 100%; max-width: 540px; height: auto; margin: .5rem 0; }
svg text { font-size: 12.5px; fill: var(--soft); }
.grid { stroke: var(--line); } .axis { stroke: var(--soft); }
.limit { stroke: var(--low); stroke-dasharray: 4 4; }
rect.mark, .dots, .whisker { fill: var(--mark); } rect.low, .dots.low { fill: var(--low); }
.dots { fill-opacity: .6; }
.dots.many { stroke: var(--mark); stroke-width: 3; stroke-linecap: round; stroke-opacity: .25; }
.dots.many.low { stroke: var(--low); }
.mean { stroke: var(--mean); stroke-width: 2; fill: none; } .whisker .mean { stroke: var(--mark); }
details { margin: .4rem 0; font-size: .9rem; } summary { cursor: pointer; }
.wide { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .8rem; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { font-weight: 500; } td.text, th.text { text-align: left; }
th:first-child, td:first-child { padding-left: 0; }
td.text { white-space: normal; overflow-wrap: anywhere; min-width: 9rem; }
article { border-top: 1px solid var(--line); padding: 1rem 0; }
article p { margin: .1rem 0 .6rem; max-width: none; font-size: .9rem; }
.signals { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(245px, 100%), 1fr)); }
.signals h3 { font-weight: 400; margin-bottom: .3rem; }
.signals img { display: block; width: 100%; height: 120px; border-radius: 4px; }
audio { display: block; width: 100%; height: 36px; margin-top: .35rem; }
@media (max-width: 560px) { body { margin: 1rem auto; padding: 0 .9rem; }
  dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; }
  th, td { padding: .25rem .5rem; } td.text { min-width: 7.5rem; } }
@media print { audio { display: none; } figure, article { break-inside: avoid; } }
"""


def page(title: str, parts: Sequence[str]) -> str:
    """The whole file; it names no other one."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # Else a browser asks the server, or the disk, for /favicon.ico.
        '<link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n<h1>{escape(title)}"
        "</h1>\n" + "\n".join(filter(None, parts)) + "\n</body></html>\n"
    )


def table(head: Sequence[str], lines: Sequence[Sequence[str]], *, num_text: int = 1) -> str:
    """A table whose first columns are text; the rest are numbers."""

    def row(cells: Sequence[str], tag: str) -> str:
        texts = "".join(f'<{tag} class="text">{escape(cell)}</{tag}>' for cell in cells[:num_text])
        return texts + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells[num_text:])

    body = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in lines)
    return f'<div class="wide"><table><tr>{row(head, "th")}</tr>{body}</table></div>'


def terms(entries: Sequence[tuple[str, str]]) -> str:
    """Names and what each of them is."""
    return (
        "<dl>"
        + "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in entries)
        + "</dl>"
    )


def figure(title: str, picture: str, caption: str = "", more: str = "") -> str:
    """A picture with its title above it; a caption and something more below it."""
    told = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure><h3>{escape(title)}</h3>{picture}{told}{more}</figure>"


def to_open(title: str, content: str) -> str:
    """What is shown once its title is clicked."""
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def counted(num: int, noun: str) -> str:
    """A number of things as text: 1 trial, 2 trials."""
    return f"{num} {noun}" if num == 1 else f"{num} {noun}s"


def interval(ends: Sequence[float] | None, decimals: int = 2) -> str:
    """An interval as text; a dash for none."""
    if ends is None:
        return "–"
    low, high = ends
    return f"{low:.{decimals}f} to {high:.{decimals}f}"


def percent(share: float) -> str:
    """A share as text."""
    return f"{100 * share:.1f} %"
