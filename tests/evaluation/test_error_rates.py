import itertools
import json

import numpy as np
import pytest

from wesep_like.errors import TrialError
from wesep_like.evaluation.error_rates import eer_report
from wesep_like.metrics.cllr import cllr, min_cllr
from wesep_like.metrics.detection import act_dcf, convex_hull_eer, eer, min_dcf


@pytest.fixture
def trials():
    """Scores and labels of all pairs of 8 speakers' 4 utterances, and the speakers."""
    rng = np.random.default_rng(0)
    speakers = [f"s{n}" for n in range(8) for _ in range(4)]
    pairs = [*itertools.combinations(speakers, 2)]
    is_target = np.array([a == b for a, b in pairs])
    return 2 * rng.standard_normal(len(pairs)) + np.where(is_target, 2, -2), is_target, pairs


def test_a_small_report_by_hand():
    report = eer_report([0.9, 0.8, 0.3, 0.4, 0.2, 0.1], [1, 1, 1, 0, 0, 0])
    assert report["eer"] == pytest.approx(1 / 3)
    assert report["min_dcf"] == {"0.01": pytest.approx(1 / 3), "0.05": pytest.approx(1 / 3)}
    assert report["act_dcf"] == {"0.01": 1.0, "0.05": 1.0}  # no score is so high a ratio
    assert (report["num_trials"], report["num_target"]) == (6, 3)
    assert report["mean_target"] == pytest.approx(2 / 3)
    assert report["mean_nontarget"] == pytest.approx(0.7 / 3)
    assert (report["intervals"], report["num_speakers"]) == (None, None)
    assert json.loads(json.dumps(report)) == report
    with pytest.raises(TrialError, match="2 target and 0 non-target trials"):
        eer_report([0.1, 0.2], [True, True])


def test_each_figure_is_that_of_its_function(trials):
    scores, is_target, _ = trials
    report = eer_report(scores, is_target)
    assert (report["eer"], report["eer_threshold"]) == eer(scores, is_target)
    assert report["convex_hull_eer"] == convex_hull_eer(scores, is_target)
    assert report["cllr"] == cllr(scores, is_target)
    assert report["min_cllr"] == min_cllr(scores, is_target)
    for p in (0.01, 0.05):
        assert report["min_dcf"][str(p)] == min_dcf(scores, is_target, p_target=p)
        assert report["act_dcf"][str(p)] == act_dcf(scores, is_target, p_target=p)


def test_intervals_over_speakers(trials):
    scores, is_target, pairs = trials
    told = []
    report = eer_report(scores, is_target, pairs, progress=lambda *done: told.append(done))
    assert report["num_speakers"] == 8
    assert told[-1] == (1000, 1000)
    intervals = report["intervals"]
    assert list(intervals) == ["eer", "convex_hull_eer", "min_dcf", "act_dcf", "cllr", "min_cllr"]
    for name in ("eer", "convex_hull_eer", "cllr", "min_cllr"):
        low, high = intervals[name]
        assert low < report[name] < high
    assert intervals["min_dcf"].keys() == intervals["act_dcf"].keys() == {"0.01", "0.05"}
    assert json.loads(json.dumps(report)) == report
    turned = [("s0", "s1") if a == b == "s0" else (a, b) for a, b in pairs]
    with pytest.raises(
        TrialError, match="trial 1 is a target trial, but its speakers are 's0' and"
    ):
        eer_report(scores, is_target, turned)


def test_two_systems_on_the_same_trials(trials):
    scores, is_target, pairs = trials
    other = scores + 2 * np.random.default_rng(1).standard_normal(len(scores))
    own, of_other = (eer_report(numbers, is_target, pairs) for numbers in (scores, other))
    report = eer_report(scores, is_target, pairs, other_scores=other)
    assert own["differences"] is None
    differences = report.pop("differences")
    assert {**report, "differences": None} == own  # intervals and all: the draws are the same
    assert json.loads(json.dumps(differences)) == differences
    found = differences["eer"]
    assert (found["value"], found["other"]) == (own["eer"], of_other["eer"])
    assert found["difference"] == own["eer"] - of_other["eer"]
    low, high = found["interval"]
    assert low < found["difference"] < high < 0
    assert 0 < found["p"] < 0.05
    assert differences["min_dcf"].keys() == {"0.01", "0.05"}
    assert differences["cllr"].keys() == found.keys()
    blind = eer_report(scores, is_target, other_scores=other)["differences"]["eer"]
    assert (blind["interval"], blind["p"]) == (None, None)
    with pytest.raises(TrialError, match=r"shapes \(495,\) and \(496,\)"):
        eer_report(scores, is_target, other_scores=other[1:])
