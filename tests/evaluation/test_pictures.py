import xml.etree.ElementTree as ET

import pytest

from wesep_like.evaluation.report.pictures import Mean, histogram, scatter, whiskers


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
    groups = [group for group in elements(svg, "g") if group.get("class").startswith("dots")]
    assert [group.get("class") for group in groups] == ["dots", "dots low"]
    assert [len(group) for group in groups] == [
        sum((y < 1) == is_low for _, y in places) for is_low in (False, True)
    ]
    names = [dot.find("title").text.partition(":")[0] for dot in dots]
    places = [places[int(name[2:-1])] for name in names]  # as they are drawn
    across = [float(dot.get("cx")) for dot in dots]
    down = [float(dot.get("cy")) for dot in dots]
    assert all(64 <= x <= 418 for x in across)
    assert all(14 <= y <= 244 for y in down)
    by_x, by_y = (sorted(range(len(places)), key=lambda i: places[i][axis]) for axis in (0, 1))
    assert [across[i] for i in by_x] == sorted(across)
    assert [down[i] for i in by_y] == sorted(down, reverse=True)


def test_many_dots_are_short():
    points = [(number / 600, number % 20, "a long name") for number in range(6000)]
    svg = scatter(points, x_label="x", y_label="y", low_below=1.0)
    assert "a long name" not in svg
    dots = [len(group) for group in elements(svg, "g")]
    assert dots == [5700, 300]
    assert len(svg) < 6000 * 30


def test_means_stand_over_their_bins():
    points = [(0.5, 3.0, "a"), (1.5, 8.0, "b")]
    means = [Mean("low", 3.0, (2.0, 4.0), (0.0, 1.0)), Mean("high", 8.0, (8.0, 8.0), (1.0, 2.0))]
    svg = scatter(points, x_label="x", y_label="y", low_below=1.0, means=means)
    crosses = [path for path in elements(svg, "path") if path.get("class") == "mean"]
    assert [cross.find("title").text for cross in crosses] == [
        "low: 3.00, 2.00 to 4.00",
        "high: 8.00, 8.00 to 8.00",
    ]
    dots = {float(dot.get("cy")) for dot in elements(svg, "circle")}
    heights = {float(cross.get("d").split("H")[0].split()[1]) for cross in crosses}
    assert dots == heights


def test_whiskers_are_in_line_with_their_names():
    means = [Mean("same sex", 2.0, (1.0, 3.0)), Mean("different <sex>", 5.0, (4.5, 5.5))]
    svg = whiskers(means, x_label="SI-SDRi (dB)")
    names = {text.text: float(text.get("y")) for text in elements(svg, "text")}
    dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in elements(svg, "circle")]
    assert [y + 4 for _, y in dots] == [names["same sex"], names["different <sex>"]]
    assert dots[0][0] < dots[1][0]
    zero = whiskers(means, x_label="SI-SDRi (dB)", has_zero=True)
    assert "0" in {text.text for text in elements(zero, "text")}


def test_a_mean_without_an_interval_is_a_dot():
    means = [Mean("one", 2.0, None), Mean("two", 5.0, (4.5, 5.5))]
    svg = whiskers(means, x_label="SI-SDRi (dB)")
    groups = [group for group in elements(svg, "g") if group.get("class") == "whisker"]
    assert groups[0].find("title").text == "one: 2.00"
    left, _, right = groups[0].find("path").get("d").lstrip("M").replace("H", " ").split()
    assert left == right == groups[0].find("circle").get("cx")


def test_a_diagonal_goes_through_equal_values():
    points = [(-5.0, 20.0, "a"), (3.0, 3.0, "b")]
    svg = scatter(points, x_label="x", y_label="y", low_below=1.0, has_diagonal=True)
    line = next(p.get("d") for p in elements(svg, "path") if "L" in p.get("d"))
    (x0, y0), (x1, y1) = (map(float, end.split()) for end in line[1:].split("L"))
    dot = next(dot for dot in elements(svg, "circle") if dot.find("title").text.startswith("b"))
    x, y = float(dot.get("cx")), float(dot.get("cy"))
    assert y == pytest.approx(y0 + (x - x0) / (x1 - x0) * (y1 - y0), abs=0.2)
