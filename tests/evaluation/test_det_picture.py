import xml.etree.ElementTree as ET

import numpy as np
import pytest
from scipy.special import ndtr

from wesep_like.evaluation.det_picture import det_picture
from wesep_like.metrics.error_curves import SortedTrials

SVG = "{http://www.w3.org/2000/svg}"


def points(picture):
    line = ET.fromstring(picture).find(f".//{SVG}polyline").get("points")
    return np.array([[float(x) for x in point.split(",")] for point in line.split()])


def test_normal_scores_of_one_deviation_give_a_straight_line():
    # Quantiles, and not draws, of two normal distributions 2 apart: EER of 15.9 %.
    probits = np.linspace(-3.5, 3.5, 4001)
    num = np.diff(np.round(ndtr(probits) * 1e5)).astype(int)
    scores = np.repeat(probits[1:], num)
    curves = SortedTrials(
        np.concatenate([scores + 2, scores]), np.repeat([True, False], len(scores))
    ).curves()
    picture = det_picture([("A & B", curves)])
    found = points(picture)
    inside = found[(found[:, 0] > 310) & (found[:, 0] < 440)]  # false alarms from 1 to 13 %
    slope, offset = np.polyfit(*inside.T, 1)
    assert slope == pytest.approx(1, abs=0.01)  # down is larger in a picture
    np.testing.assert_allclose(inside[:, 1], slope * inside[:, 0] + offset, atol=1)
    assert len(found) < 10_000  # of a long list, no more than can be seen
    root = ET.fromstring(picture)
    marks = {one.find(f"{SVG}title").text.split(":")[0]: one for one in root.iter(f"{SVG}circle")}
    assert set(marks) == {"EER", "minDCF(0.01)", "minDCF(0.05)"}
    x, y = (float(marks["EER"].get(name)) for name in ("cx", "cy"))
    assert y == pytest.approx(slope * x + offset, abs=1)
    assert "A & B: EER 15.87 %" in "".join(root.itertext())


def test_a_system_without_errors_and_one_that_is_always_wrong():
    perfect = det_picture([("perfect", SortedTrials([1, 2, 3, 4], [0, 0, 1, 1]).curves())])
    assert "no threshold has both misses and false alarms" in "".join(
        ET.fromstring(perfect).itertext()
    )
    wrong = det_picture([("wrong", SortedTrials([1, 2, 3, 4, 2.5], [1, 1, 0, 0, 1]).curves())])
    assert len(points(wrong)) == 0
    mixed = det_picture([("mixed", SortedTrials([3, 1, 2, 4, 1.5], [1, 1, 0, 0, 1]).curves())])
    assert len(points(mixed)) > 0


def test_two_systems_are_told_apart():
    rng = np.random.default_rng(0)
    is_target = np.repeat([True, False], 500)
    noise = rng.standard_normal((2, 1000))
    good, bad = (SortedTrials(d * is_target + noise[n], is_target) for n, d in enumerate((3, 1)))
    picture = det_picture([("good", good.curves()), ("bad", bad.curves())])
    root = ET.fromstring(picture)
    lines = [*root.iter(f"{SVG}polyline")]
    circles = [*root.iter(f"{SVG}circle")]
    titles = [t for t in root.iter(f"{SVG}text") if t.get("class") == "title"]
    assert [title.text.split(":")[0] for title in titles] == ["good", "bad"]
    for title, line in zip(titles, lines, strict=True):
        of_system = [one for one in circles if one.get("fill") == line.get("stroke")]
        assert of_system
        assert line.get("stroke") in title.get("style")
    assert lines[0].get("stroke") != lines[1].get("stroke")
    # Both on one pair of axes: the better system is nearer to the lower left.
    heights = [float(one.get("cy")) for one in circles if "EER" in one.find(f"{SVG}title").text]
    assert heights[0] > heights[1] + 50
    assert "good and bad" in root.get("aria-label")
