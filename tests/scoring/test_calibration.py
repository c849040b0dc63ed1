import numpy as np
import pytest

from wesep_like.errors import ConfigError, TrialError
from wesep_like.metrics.cllr import cllr, min_cllr
from wesep_like.scoring.calibration import calibrate, quality_measures


def draw(num=20_000, seed=0, share=0.1):
    """Log-likelihood ratios, exactly: 2 x of normal x with means of 1 and -1."""
    rng = np.random.default_rng(seed)
    is_target = rng.random(num) < share
    return 2 * (rng.standard_normal(num) + np.where(is_target, 1, -1)), is_target


def test_affine_calibration_undoes_what_was_done_to_ratios():
    llr, is_target = draw()
    scores = {"score": 0.1 * llr + 0.4}
    found = calibrate(scores, is_target)
    assert found.weights[0] == pytest.approx(10, rel=0.05)
    assert found.offset == pytest.approx(-4, abs=0.2)
    calibrated = found(scores)
    assert cllr(calibrated, is_target) == pytest.approx(min_cllr(llr, is_target), rel=0.02)


def test_classes_count_by_the_prior_and_not_by_their_number():
    for share in (0.02, 0.5):
        llr, is_target = draw(60_000, share=share)
        found = calibrate({"score": llr}, is_target, p_target=0.01)
        assert found.weights[0] == pytest.approx(1, abs=0.1)
        assert found.offset == pytest.approx(0, abs=0.3)


def test_quality_measures_help_where_scores_depend_on_them():
    rng = np.random.default_rng(5)
    llr, is_target = draw()
    first, second = rng.uniform(0, 3, (2, len(llr)))
    scores = llr + 2 * np.minimum(first, second)  # the shorter the recording, the lower
    measures = quality_measures(scores, {"log_seconds": first}, {"log_seconds": second})
    assert list(measures) == ["score", "lower_log_seconds", "higher_log_seconds"]
    plain = calibrate({"score": scores}, is_target)({"score": scores})
    found = calibrate(measures, is_target)
    assert cllr(found(measures), is_target) < 0.9 * cllr(plain, is_target)
    np.testing.assert_allclose(found.weights, [1, -2, 0], atol=0.1)


def test_classes_that_do_not_overlap_and_a_measure_that_tells_nothing():
    measures = {"score": np.array([1.0, 2, 3, 4]), "same": np.ones(4)}
    found = calibrate(measures, np.array([0, 0, 1, 1]))
    assert np.isfinite(found.weights).all()
    assert found.weights[1] == 0
    calibrated = found(measures)
    assert (calibrated[:2] < 0).all()
    assert (calibrated[2:] > 0).all()


def test_messages():
    llr, is_target = draw(100)
    with pytest.raises(ConfigError, match="p_target: 0. A probability lies between"):
        calibrate({"score": llr}, is_target, p_target=0)
    with pytest.raises(TrialError, match=r"score\[3\]: nan is no number \(1 of 100 are such"):
        calibrate({"score": np.where(np.arange(100) == 3, np.nan, llr)}, is_target)
    with pytest.raises(TrialError, match="100 target and 0 non-target trials"):
        calibrate({"score": llr}, np.ones(100))
    found = calibrate({"score": llr, "seconds": llr**2}, is_target)
    with pytest.raises(TrialError, match="measures: seconds missing. It was calibrated with score"):
        found({"score": llr})
