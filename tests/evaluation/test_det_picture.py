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
    picture = det_picture(curves, "A & B")
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
    perfect = det_picture(SortedTrials([1, 2, 3, 4], [0, 0, 1, 1]).curves(), "perfect")
    assert "no threshold has both misses and false alarms" in "".join(
        ET.fromstring(perfect).itertext()
    )
    wrong = det_picture(SortedTrials([1, 2, 3, 4, 2.5], [1, 1, 0, 0, 1]).curves(), "wrong")
    assert len(points(wrong)) == 0
    mixed = det_picture(SortedTrials([3, 1, 2, 4, 1.5], [1, 1, 0, 0, 1]).curves(), "mixed")
    assert len(points(mixed)) > 0
