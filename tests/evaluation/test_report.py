import re
import xml.etree.ElementTree as ET

import pytest

from wesep_like.evaluation.pictures import histogram, scatter
from wesep_like.evaluation.report import write_report
from wesep_like.metrics.report import summarise


def elements(svg, kind):
    return ET.fromstring(svg).iter(kind)


def counts(svg, low):
    """How many values the bars of one colour stand for, by what they say of themselves."""
    return sum(
        int(bar.find("title").text.rpartition(": ")[2])
        for bar in elements(svg, "rect")
        if (bar.get("class") == "mark low") == low
    )


@pytest.mark.parametrize(
    "values",
    [[5.0], [0.999, 1.0, 1.001], [-18.3, 0.2, 1.0, 7.0, 21.99, 22.0], [1.0, 1.0], [-3e4, 500.0]],
)
def test_every_value_is_in_a_bar_of_its_colour(values):
    svg = histogram(values, x_label="SI-SDRi (dB)", low_below=1.0)
    assert counts(svg, low=True) == sum(value < 1 for value in values)
    assert counts(svg, low=False) == sum(value >= 1 for value in values)


def test_bars_are_as_high_as_their_counts():
    svg = histogram([2.1] * 1 + [3.1] * 2 + [4.1] * 4, x_label="x", low_below=1.0)
    bars = {
        int(bar.find("title").text.rpartition(": ")[2]): float(bar.get("height"))
        for bar in elements(svg, "rect")
    }
    assert bars[2] == pytest.approx(2 * bars[1], abs=0.2)
    assert bars[4] == pytest.approx(4 * bars[1], abs=0.4)


@pytest.mark.parametrize(
    "places", [[(0, 3)], [(-4, -18), (-4, 2), (1.5, 22)], [(1e3, 1), (-1e3, 0)]]
)
def test_dots_are_inside_and_in_order(places):
    points = [(x, y, f"m<{number}>") for number, (x, y) in enumerate(places)]
    svg = scatter(points, x_label="SI-SDR (dB)", y_label="SI-SDRi (dB)", low_below=1.0)
    dots = list(elements(svg, "circle"))
    assert [dot.get("class") for dot in dots] == [
        "mark low" if y < 1 else "mark" for _, y in places
    ]
    across = [float(dot.get("cx")) for dot in dots]
    down = [float(dot.get("cy")) for dot in dots]
    assert all(56 <= x <= 544 for x in across)
    assert all(16 <= y <= 272 for y in down)
    by_x, by_y = (sorted(range(len(places)), key=lambda i: places[i][axis]) for axis in (0, 1))
    assert [across[i] for i in by_x] == sorted(across)
    assert [down[i] for i in by_y] == sorted(down, reverse=True)
    assert dots[0].find("title").text.startswith("m<0>: ")


def row(name, si_sdri, note=""):
    whole = si_sdri is not None
    return {
        "id": name,
        "speaker": "<b>",
        "interferers": "b",
        "si_sdr": si_sdri,
        "si_sdri": si_sdri,
        "mixture_si_sdr": 0.0 if whole else None,
        "pesq": None,
        "note": note,
    }


def report(path, rows):
    whole = [{"si_sdri": r["si_sdri"], "si_sdr": r["si_sdr"]} for r in rows if r["si_sdr"]]
    summary = {
        "about": {"model": "exp/a&b"},
        **summarise(whole),
        "num_broken": len(rows) - len(whole),
        "real_time_factor": {"value": None, "how": "not at all"},
    }
    write_report(path, summary, rows, [])
    return path.read_text(encoding="utf-8")


def test_the_page_shows_the_worst_first_and_needs_nothing_else(tmp_path):
    rows = [row(f"m{number}", 30.0 - number) for number in range(30)]
    page = report(tmp_path / "report.html", [*rows, row("gone", None, "x.wav: no <file>")])
    assert "15.50 dB" in page
    worst = page[page.index("Worst mixtures") :]
    names = re.findall(r'<tr><td class="text">(m\d+)</td>', worst)
    assert names == [f"m{number}" for number in range(29, 9, -1)]
    assert "x.wav: no &lt;file&gt;" in page
    assert "&lt;b&gt;" in page
    assert "exp/a&amp;b" in page
    assert page.count("<svg") == 2
    assert not re.search(r"(src|href)=|https?:|url\(|<script", page)


def test_a_page_when_nothing_could_be_scored(tmp_path):
    page = report(tmp_path / "report.html", [row("m0", None, "m0.wav: gone")])
    assert "m0.wav: gone" in page
    assert "<svg" not in page
