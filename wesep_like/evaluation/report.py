"""A report that opens in any browser: one HTML file with its pictures inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from wesep_like.config.atomic import atomic_path
from wesep_like.evaluation.pictures import histogram, scatter
from wesep_like.evaluation.worst import WorstMixture
from wesep_like.metrics.report import FAILURE_BELOW_DB

_NUM_WORST = 20

# What a reader calls a metric, its unit, and how many decimals mean something.
_METRICS = {
    "si_sdr": ("SI-SDR", "dB", 2),
    "si_sdri": ("SI-SDRi", "dB", 2),
    "sdr": ("SDR", "dB", 2),
    "sdri": ("SDRi", "dB", 2),
    "pesq_wb": ("PESQ-WB", "", 2),
    "pesq_nb": ("PESQ-NB", "", 2),
    "stoi": ("STOI", "", 3),
    "estoi": ("ESTOI", "", 3),
    "similarity": ("Similarity to the enrollment", "", 3),
    "dnsmos_ovrl": ("DNSMOS overall", "", 2),
    "dnsmos_sig": ("DNSMOS speech", "", 2),
    "dnsmos_bak": ("DNSMOS background", "", 2),
    "dnsmos_p808": ("DNSMOS P.808", "", 2),
    "attenuation_db": ("Attenuation where the target is absent", "dB", 1),
}

_STYLE = """
:root { color-scheme: light dark; --page: #fff; --text: #1d2129; --soft: #667; --line: #dcdfe4;
  --mark: #2f6db3; --low: #c8501e; }
@media (prefers-color-scheme: dark) { :root { --page: #17191d; --text: #e6e8eb; --soft: #9aa1ab;
  --line: #363b43; --mark: #6ea8e6; --low: #f08a55; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
  max-width: 1180px; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0; }
dt, figcaption, th { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.5rem 0; }
.tiles div { border: 1px solid var(--line); border-radius: 8px; padding: .6rem 1rem; }
.tiles b { display: block; font-size: 1.6rem; font-weight: 600; line-height: 1.2; }
.tiles span { color: var(--soft); font-size: .85rem; }
.pictures { display: flex; flex-wrap: wrap; gap: 1.5rem; }
figure { flex: 1 1 420px; margin: 0; } svg { width: 100%; height: auto; }
svg text { font-size: 12px; fill: var(--soft); }
.grid { stroke: var(--line); } .axis { stroke: var(--soft); }
.limit { stroke: var(--low); stroke-dasharray: 4 4; }
.mark { fill: var(--mark); } .low { fill: var(--low); } circle.mark { fill-opacity: .75; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .8rem; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { font-weight: 500; } td.text, th.text { text-align: left; }
td.text:last-child { white-space: normal; overflow-wrap: anywhere; }
"""


def is_scored(row: Mapping[str, Any]) -> bool:
    """Whether a mixture's row has its number: SI-SDRi, or attenuation without a target."""
    return row["si_sdri"] is not None or row.get("attenuation_db") is not None


def write_report(
    path: str | Path,
    summary: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    worst: Sequence[WorstMixture],
) -> None:
    """Writes the report of one evaluation.

    Args:
        path: The HTML file.
        summary: As `evaluate_extraction` returns it.
        rows: One a mixture, as in `scores.csv`.
        worst: The worst of them with their signals, worst first.

    Raises:
        OutputError: If the file cannot be written there.
    """
    whole = [row for row in rows if row["si_sdri"] is not None]
    broken = [row for row in rows if not is_scored(row)]
    parts = [
        "<h1>Extraction of a target voice: evaluation</h1>",
        _about(summary),
        _tiles(summary),
    ]
    if whole:
        parts.append(_pictures(whole))
    if summary["metrics"]:
        parts.append(_means(summary["metrics"]))
    if whole:
        parts.append(_worst(whole))
    if broken:
        lines = [[row["id"], row["note"]] for row in broken]
        parts += [
            "<h2>Mixtures that could not be scored</h2>",
            _table(["Mixture", "Why"], lines, num_text=2),
        ]
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Extraction: evaluation</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )
    with atomic_path(path) as draft:
        draft.write_text(page, encoding="utf-8")


def _about(summary: Mapping[str, Any]) -> str:
    lines = {**summary["about"], "real-time factor": summary["real_time_factor"]["how"]}
    items = (f"<dt>{escape(key)}</dt><dd>{escape(str(value))}</dd>" for key, value in lines.items())
    return f"<dl>{''.join(items)}</dl>"


def _tiles(summary: Mapping[str, Any]) -> str:
    improvement = summary["metrics"].get("si_sdri")
    failures, real_time = summary["failure_rate"], summary["real_time_factor"]["value"]
    tiles = [
        ("mixtures scored", str(summary["num_mixtures"])),
        ("could not be scored", str(summary["num_broken"])),
        (
            "mean SI-SDRi, 95 % interval {:.2f} to {:.2f} dB".format(*improvement["interval"])
            if improvement
            else "mean SI-SDRi",
            f"{improvement['mean']:.2f} dB" if improvement else "–",
        ),
        (
            f"failures: SI-SDRi below {FAILURE_BELOW_DB:g} dB",
            "–" if failures is None else f"{failures:.1%}",
        ),
        ("real-time factor", "–" if real_time is None else f"{real_time:.3f}"),
    ]
    divs = (f"<div><b>{value}</b><span>{name}</span></div>" for name, value in tiles)
    return f'<div class="tiles">{"".join(divs)}</div>'


def _pictures(rows: Sequence[Mapping[str, Any]]) -> str:
    bars = histogram(
        [row["si_sdri"] for row in rows], x_label="SI-SDRi (dB)", low_below=FAILURE_BELOW_DB
    )
    dots = scatter(
        [(row["mixture_si_sdr"], row["si_sdri"], row["id"]) for row in rows],
        x_label="SI-SDR of the mixture (dB)",
        y_label="SI-SDRi (dB)",
        low_below=FAILURE_BELOW_DB,
    )
    note = f"Below {FAILURE_BELOW_DB:g} dB, in the other colour, mostly the wrong voice came out."
    return (
        f'<div class="pictures"><figure>{bars}<figcaption>How much better than the mixture. {note}'
        f"</figcaption></figure><figure>{dots}<figcaption>Improvement against how hard the mixture "
        "was. Rest on a dot for its name.</figcaption></figure></div>"
    )


def _means(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    lines = []
    for name, (title, unit, decimals) in _METRICS.items():
        if name not in metrics:
            continue
        own, before = metrics[name], metrics.get(f"mixture_{name}")
        low, high = own["interval"]
        lines.append(
            [
                f"{title} ({unit})" if unit else title,
                f"{before['mean']:.{decimals}f}" if before else "",
                f"{own['mean']:.{decimals}f}",
                f"{low:.{decimals}f} to {high:.{decimals}f}",
                str(own["num"]),
            ]
        )
    head = ["Mean of", "Mixture", "Extracted", "95 % interval", "Mixtures"]
    return f"<h2>Means</h2>{_table(head, lines, num_text=1)}"


def _worst(rows: Sequence[Mapping[str, Any]]) -> str:
    names = [name for name in _METRICS if name in rows[0] and name != "attenuation_db"]
    lines = [
        [row["id"], row["speaker"], row["interferers"], f"{row['mixture_si_sdr']:.2f}"]
        + ["–" if row[name] is None else f"{row[name]:.{_METRICS[name][2]}f}" for name in names]
        + [row["note"]]
        for row in sorted(rows, key=lambda row: row["si_sdri"])[:_NUM_WORST]
    ]
    head = ["Mixture", "Target", "Interferers", "Mixture's SI-SDR"]
    head += [_METRICS[name][0].split(" ")[0] for name in names] + ["Note"]
    return f"<h2>Worst mixtures, by SI-SDRi</h2>{_table(head, lines, num_text=3, last_text=True)}"


def _table(
    head: Sequence[str], lines: Sequence[Sequence[str]], *, num_text: int, last_text: bool = False
) -> str:
    """A table whose first columns, and perhaps last one, are text; the rest are numbers."""

    def row(cells: Sequence[str], tag: str) -> str:
        marked = (
            f'<{tag} class="text">'
            if place < num_text or (last_text and place == len(cells) - 1)
            else f"<{tag}>"
            for place in range(len(cells))
        )
        return "".join(
            f"{mark}{escape(cell)}</{tag}>" for mark, cell in zip(marked, cells, strict=True)
        )

    body = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in lines)
    return f'<div class="wide"><table><tr>{row(head, "th")}</tr>{body}</table></div>'
