import numpy as np
import pytest

from wesep_like.metrics.report import summarise


def test_means_counts_and_failure_rate():
    rows = [
        {"id": "a", "si_sdri": 10.0, "pesq": 2.0, "note": ""},
        {"id": "b", "si_sdri": 0.9, "pesq": None, "note": "PESQ: no utterance"},
        {"id": "c", "si_sdri": 1.0, "pesq": 3.0, "note": ""},
        {"id": "d", "si_sdri": None, "pesq": None, "note": "silent"},
    ]
    summary = summarise(rows, seed=0)
    assert (summary["num_trials"], summary["num_mixtures"]) == (4, 4)
    assert summary["failure_rate"] == pytest.approx(1 / 3)  # 1.0 dB is not below 1 dB
    assert set(summary["metrics"]) == {"si_sdri", "pesq"}
    assert summary["metrics"]["pesq"]["mean"] == 2.5
    assert summary["metrics"]["pesq"]["num"] == 2


def test_the_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(60):
        rows = [{"si_sdri": value} for value in rng.normal(5, 3, size=80)]
        low, high = summarise(rows)["metrics"]["si_sdri"]["interval"]
        covered += low <= 5 <= high
        assert 0.5 < high - low < 2.2  # 2 x 1.96 x 3 / sqrt(80) is 1.3
    assert covered >= 52


def test_the_same_seed_gives_the_same_interval():
    rows = [{"si_sdri": value} for value in np.random.default_rng(0).normal(size=30)]
    assert summarise(rows, seed=3) == summarise(rows, seed=3)
    assert summarise(rows, seed=3) != summarise(rows, seed=4)


def test_a_single_mixture_has_no_interval():
    rows = [{"si_sdri": 3.0}, {"si_sdri": 5.0}]
    assert summarise(rows[:1])["metrics"]["si_sdri"] == {"mean": 3.0, "interval": None, "num": 1}
    of_one = summarise(rows, ["a", "a"])
    assert (of_one["num_trials"], of_one["num_mixtures"]) == (2, 1)
    assert of_one["metrics"]["si_sdri"] == {"mean": 4.0, "interval": None, "num": 2}
    assert summarise(rows, ["a", "b"])["metrics"]["si_sdri"]["interval"] == [3, 5]


def test_nothing_measured():
    assert summarise([]) == {
        "num_trials": 0,
        "num_mixtures": 0,
        "failure_rate": None,
        "metrics": {},
    }
    assert summarise([{"id": "a", "si_sdri": None}])["failure_rate"] is None
