import pytest

from wesep_like.tasks import gathered
from wesep_like.tasks.gathered import mean_rows, mean_terms


def as_if_others_gave(monkeypatch, *shares):
    monkeypatch.setattr(gathered, "gathered", lambda own: [own, *shares])


def test_a_process_alone_hears_itself():
    assert gathered.gathered("a") == ["a"]


def test_a_row_that_two_have_counts_once(monkeypatch):
    as_if_others_gave(monkeypatch, {"b": {"x": 4.0, "y": 1.0}, "a": {"x": 1.0}}, {})
    assert mean_rows({"a": {"x": 1.0}, "c": {"x": 7.0}}) == {"x": 4.0, "y": 1.0}


def test_the_mean_over_rows_does_not_depend_on_their_order():
    rows = {str(n): {"x": 1e16 * (-1) ** n + n} for n in range(6)}
    backwards = dict(reversed(rows.items()))
    assert mean_rows(rows) == mean_rows(backwards)


def test_a_term_is_the_mean_over_examples_not_over_processes(monkeypatch):
    as_if_others_gave(monkeypatch, {"x": (5.0, 1), "y": (2.0, 2)})
    means = mean_terms({"x": (1.0, 3), "z": (0.5, 1)})
    assert means == pytest.approx({"x": 2.0, "y": 2.0, "z": 0.5})
