import warnings

import numpy as np
import pytest

from wesep_like.errors import TrialError
from wesep_like.evaluation.calibration_file import (
    CalibrationFile,
    OtherScoresWarning,
    read_calibration,
    write_calibration,
)
from wesep_like.scoring.calibration import Calibration


def test_what_is_written_is_read(tmp_path):
    made = Calibration(("score", "lower_log_seconds"), np.array([8.25, -1 / 3]), 0.1)
    write_calibration(tmp_path / "c.json", made, {"num_trials": 3}, {"norm": "as"})
    file = read_calibration(tmp_path / "c.json")
    assert (file.origin, file.where) == ({"norm": "as"}, str(tmp_path / "c.json"))
    found = file.calibration
    assert (found.names, found.offset) == (made.names, made.offset)
    assert found.weights.tolist() == made.weights.tolist()


def test_scores_that_were_made_another_way_are_warned_of():
    def learnt(origin, names=("score",)):
        return CalibrationFile(Calibration(names, np.ones(len(names)), 0.0), origin, "c.json")

    here = {"norm": "none", "cohort": "1a2b", "top_n": "20", "calibration": "none"}
    message = (
        r"^c\.json: was learnt from scores made another way than s\.txt: norm is none here and was "
        r"as there; calibration is none here and was 3c4d there\. The ratios may be wrong: learn it"
    )
    with pytest.warns(OtherScoresWarning, match=message):
        learnt({**here, "norm": "as", "calibration": "3c4d"}).check_fits(here, "s.txt")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learnt(here).check_fits(here, "s.txt")
        learnt({}).check_fits(here, "s.txt")  # it is not known how
        learnt(here).check_fits({}, "s.txt")
        # Scores that nothing normalised do not depend on a cohort; measures of quality do.
        learnt({**here, "cohort": "none", "top_n": "none"}).check_fits(here, "s.txt")
    by_quality = learnt({**here, "cohort": "none"}, ("score", "lower_cohort_mean"))
    with pytest.warns(OtherScoresWarning, match="cohort is 1a2b here and was none there"):
        by_quality.check_fits(here, "s.txt")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"weights": {}, "offset": 0}',
        '{"weights": {"score": "high"}, "offset": 0}',
        '{"weights": {"score": NaN}, "offset": 0}',
        '{"weights": {"score": 1}}',
        '{"weights": {"score": 1}, "offset": 0, "origin": "here"}',
        '{"weights": [1], "offset": 1}',
    ],
)
def test_files_that_are_none(tmp_path, text):
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(TrialError, match=r"c\.json: no calibration can be read from it"):
        read_calibration(tmp_path / "c.json")
    with pytest.raises(TrialError, match=r"gone\.json: no calibration can be read from it"):
        read_calibration(tmp_path / "gone.json")
