import numpy as np
import pytest

from wesep_like.errors import TrialError
from wesep_like.metrics.cllr import cllr, min_cllr


def draw(num=400, seed=0):
    rng = np.random.default_rng(seed)
    is_target = rng.random(num) < 0.3
    return 2 * (rng.standard_normal(num) + np.where(is_target, 1, -1)), is_target


def test_by_hand():
    scores, is_target = draw()
    costs = [np.log2(1 + np.exp(-s if t else s)) for s, t in zip(scores, is_target, strict=True)]
    of_target = np.mean([c for c, t in zip(costs, is_target, strict=True) if t])
    of_nontarget = np.mean([c for c, t in zip(costs, is_target, strict=True) if not t])
    assert cllr(scores, is_target) == pytest.approx((of_target + of_nontarget) / 2)
    assert cllr([0, 0, 0], [1, 0, 0]) == pytest.approx(1)
    assert cllr([1e5, -1e5], [1, 0]) == 0
    assert cllr([-1e3, 1e3], [1, 0]) == pytest.approx(1e3 / np.log(2))


def test_the_least_that_any_calibration_reaches():
    scores, is_target = draw()
    least = min_cllr(scores, is_target)
    assert least <= cllr(scores, is_target)
    for changed in (3 * scores + 1, np.exp(scores / 4), np.cbrt(scores)):
        assert min_cllr(changed, is_target) == pytest.approx(least)
        for scale in np.linspace(0.1, 3, 10):
            assert cllr(scale * (changed - changed.mean()), is_target) >= least - 1e-12
    assert min_cllr([1, 2, 3], [0, 1, 1]) == 0
    assert min_cllr([3, 2, 1], [0, 1, 1]) == pytest.approx(1)  # the order tells nothing
    assert min_cllr([5, 5, 5], [0, 1, 1]) == pytest.approx(1)


def test_of_scores_that_are_ratios_it_is_what_they_cost():
    scores, is_target = draw(200_000)
    assert min_cllr(scores, is_target) == pytest.approx(cllr(scores, is_target), rel=0.01)


@pytest.mark.parametrize("metric", [cllr, min_cllr])
def test_messages(metric):
    with pytest.raises(TrialError, match="2 target and 0 non-target trials"):
        metric([1, 2], [1, 1])
    with pytest.raises(TrialError, match=r"scores\[0\]: inf is no score"):
        metric([np.inf, 2], [1, 0])
