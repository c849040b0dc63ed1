import csv
import json

import numpy as np
import pytest

from wesep_like.errors import ManifestError
from wesep_like.evaluation.comparison import compare, compare_reports, read_report


def trials(made, improvements, **more):
    """Rows of pairs of trials of one mixture each."""
    return [
        made.row(f"s{number % 2 + 1}/m{number // 2}", float(value), **more)
        for number, value in enumerate(improvements)
    ]


def two_systems(rng, num, effect):
    """SI-SDRi of two systems on the two trials of each mixture, whose differences go together."""
    base = rng.normal(8, 4, (num, 2))
    better = base + effect + rng.normal(0, 2, (num, 1)) + rng.normal(0, 1, (num, 2))
    return better.ravel(), base.ravel()


def test_a_known_difference_is_in_its_interval_as_often_as_it_says(made):
    rng = np.random.default_rng(0)
    covered = found = 0
    for _ in range(40):
        own, other = (trials(made, values) for values in two_systems(rng, 60, effect=1.0))
        result = compare(own, other)["metrics"]["si_sdri"]
        covered += result["interval"][0] <= 1 <= result["interval"][1]
        found += result["p"] < 0.05
        assert result["difference"] == pytest.approx(result["mean"] - result["other_mean"])
    assert covered >= 34
    assert found >= 28  # the power of a t test of such differences is 0.94


def test_p_is_uniform_where_two_systems_are_alike(made):
    rng = np.random.default_rng(1)
    p = [
        compare(*(trials(made, values) for values in two_systems(rng, 20, effect=0.0)))["metrics"][
            "si_sdri"
        ]["p"]
        for _ in range(60)
    ]
    # Kolmogorov-Smirnov: a distance above 0.21 has a probability of 1 %.
    assert np.abs(np.sort(p) - np.arange(1, 61) / 60).max() < 0.21


def test_only_common_ids_and_values_are_compared(made):
    own = [made.row("a", 5.0), made.row("b", 0.0), made.row("c", 9.0), made.row("d", None)]
    other = [made.row("b", 2.0), made.row("a", 4.0), made.row("d", 7.0), made.row("e", 1.0)]
    other = [{**row, "stoi": 0.8} for row in other]
    result = compare(own, other)
    assert (result["num_pairs"], result["num_alone"], result["num_other_alone"]) == (3, 1, 1)
    improvement, failure = (result["metrics"][name] for name in ("si_sdri", "failure"))
    assert improvement["num"] == failure["num"] == 2
    assert (improvement["mean"], improvement["other_mean"]) == (2.5, 3.0)
    assert improvement["difference"] == -0.5
    assert (improvement["better"], improvement["worse"]) == (0.5, 0.5)
    assert (failure["mean"], failure["other_mean"]) == (0.5, 0.0)
    assert (failure["better"], failure["worse"]) == (0.0, 0.5)  # a failure more is worse
    assert set(result["metrics"]) == {"si_sdr", "si_sdri", "wrong_voice", "similarity", "failure"}
    assert json.loads(json.dumps(result)) == result


def write_folder(folder, rows, about):
    folder.mkdir()
    with (folder / "scores.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()})
    (folder / "summary.json").write_text(json.dumps({"about": about}))
    return folder


def test_a_report_and_itself_do_not_differ(made, tmp_path):
    rows = made.rows(30)
    folder = write_folder(tmp_path / "other", rows, {"variant": "min"})
    other = read_report(folder, [row["id"] for row in rows])
    result = compare_reports(rows, {"variant": "min"}, other)
    assert result["report"] == str(folder)
    assert result["warnings"] == []
    for found in result["metrics"].values():
        assert found["difference"] == found["better"] == found["worse"] == 0
        assert (found["interval"], found["p"]) == ([0, 0], 1)


def test_other_data_are_told(made, tmp_path):
    rows = trials(made, [3.0, 4.0, 5.0])
    changed = [
        {**rows[0], "mixture_si_sdr": 0.5},
        {**rows[1], "seconds": 2.5, "mixture_si_sdr": 0.001},
        {**rows[2], "enrollment_seconds": 9.0},
    ]
    other = read_report(write_folder(tmp_path / "o", changed, {"variant": "min"}), ["s1/m0"])
    assert compare_reports(rows, {"variant": "max", "model": "m"}, other)["warnings"] == [
        "variant is 'max' here and 'min' there",
        "in 1 of 3 pairs the mixture has another SI-SDR: they are not the same trial",
        "in 1 of 3 pairs the mixture has another length: they are not the same trial",
        "in 1 of 3 pairs the enrollment has another length: they are not the same trial",
    ]


def test_what_cannot_be_compared_with(made, tmp_path):
    folder = write_folder(tmp_path / "other", trials(made, [1.0]), {})
    with pytest.raises(
        ManifestError,
        match=r"other: has none of the mixtures \(its first is 's1/m0', here it is 'x'\)\. Name a",
    ):
        read_report(folder, ["x", "y"])
    with pytest.raises(ManifestError, match=r"gone/scores\.csv: .* Name the folder of a report"):
        read_report(tmp_path / "gone", ["x"])
    for text in ("[]", "{}", "no JSON"):
        (folder / "summary.json").write_text(text)
        with pytest.raises(ManifestError, match=r"summary\.json: is no summary of a report\. Name"):
            read_report(folder, ["s1/m0"])
    (folder / "summary.json").unlink()
    with pytest.raises(ManifestError, match=r"summary\.json: "):
        read_report(folder, ["s1/m0"])
