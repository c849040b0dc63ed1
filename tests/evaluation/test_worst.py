import numpy as np

from wesep_like.evaluation.worst import WorstMixture, WorstMixtures


def mixture(name, si_sdri):
    return WorstMixture({"id": name, "si_sdri": si_sdri}, {"mixture": np.zeros(4, "f4")}, 16000)


def test_ten_are_kept_and_the_worst_comes_first():
    worst = WorstMixtures()
    for number in np.random.default_rng(0).permutation(30):
        worst.add(mixture(f"m{number}", float(number)))
        assert len(worst.worst_first()) <= 10
    assert [each.row["id"] for each in worst.worst_first()] == [f"m{n}" for n in range(10)]


def test_equals_stay_in_order_and_what_has_no_score_is_left_out():
    worst = WorstMixtures()
    for name, si_sdri in (("a", 1.0), ("b", None), ("c", 1.0), ("d", -2.0)):
        worst.add(mixture(name, si_sdri))
    assert [each.row["id"] for each in worst.worst_first()] == ["d", "a", "c"]
