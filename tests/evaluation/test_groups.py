import pytest

from wesep_like.evaluation.clusters import mixture_of
from wesep_like.evaluation.report.groups import by_bins, by_sexes


def test_bins_have_round_edges_and_every_row_is_in_one(made):
    rows = [made.row(f"m{n}", float(n), sir_db=sir) for n, sir in enumerate([-5, -4.9, 0, 4, 5])]
    groups = by_bins(rows, "sir_db")
    assert [(group.name, group.num, group.bounds) for group in groups] == [
        ("-6 to -4", 2, (-6, -4)),
        ("0 to 2", 1, (0, 2)),
        ("4 to 6", 2, (4, 6)),
    ]
    assert [group.mean for group in groups] == [0.5, 2, 3.5]
    assert [group.failures for group in groups] == [0.5, 0, 0]


def test_the_uppermost_edge_belongs_to_the_last_bin(made):
    rows = [made.row(f"m{n}", 3.0, sir_db=sir) for n, sir in enumerate([-4.0, 0.0, 3.0, 4.0])]
    assert [group.name for group in by_bins(rows, "sir_db")] == ["-4 to -3", "0 to 1", "3 to 4"]


def test_what_all_rows_have_alike_or_none_has_makes_no_bins(made):
    assert by_bins([made.row("a", 1.0), made.row("b", 2.0)], "sir_db") == []
    assert by_bins([made.row("a", 1.0, sir_db=None)], "sir_db") == []


def test_sexes_are_counted_together_and_by_pairs(made):
    sexes = ["F-F", "F-M", "M-F", "M-FM", "M-MF", "M-MM", "", "F"]
    rows = [made.row(f"m{n}", float(n), sexes=each) for n, each in enumerate(sexes)]
    assert {group.name: group.num for group in by_sexes(rows)} == {
        "same sex": 2,
        "different sex": 4,
        "F with F": 1,
        "F with M": 1,
        "M with F": 1,
        "M with FM": 2,
        "M with MM": 1,
    }
    assert by_sexes(rows[-2:]) == []


def test_failures_are_below_one_db(made):
    rows = [made.row(f"m{n}", value) for n, value in enumerate([0.99, 1.0, 5.0, 9.0])]
    same, pair = by_sexes(rows)
    assert same.failures == 0.25
    assert same.failure_interval[0] < 0.25 < same.failure_interval[1]
    assert (pair.name, pair.mean) == ("F with M", same.mean)


@pytest.mark.parametrize(
    ("trial", "mixture"),
    [("s1/a_b", "a_b"), ("s12/x/y", "x/y"), ("a_b", "a_b"), ("dev/a", "dev/a"), ("s1", "s1")],
)
def test_the_mixture_of_a_trial(trial, mixture):
    assert mixture_of(trial) == mixture
