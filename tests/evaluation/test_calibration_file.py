import numpy as np
import pytest

from wesep_like.errors import TrialError
from wesep_like.evaluation.calibration_file import read_calibration, write_calibration
from wesep_like.scoring.calibration import Calibration


def test_what_is_written_is_read(tmp_path):
    made = Calibration(("score", "lower_log_seconds"), np.array([8.25, -1 / 3]), 0.1)
    write_calibration(tmp_path / "c.json", made, {"num_trials": 3})
    found = read_calibration(tmp_path / "c.json")
    assert (found.names, found.offset) == (made.names, made.offset)
    assert found.weights.tolist() == made.weights.tolist()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"weights": {}, "offset": 0}',
        '{"weights": {"score": "high"}, "offset": 0}',
        '{"weights": {"score": NaN}, "offset": 0}',
        '{"weights": {"score": 1}}',
        '{"weights": [1], "offset": 1}',
    ],
)
def test_files_that_are_none(tmp_path, text):
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(TrialError, match=r"c\.json: no calibration can be read from it"):
        read_calibration(tmp_path / "c.json")
    with pytest.raises(TrialError, match=r"gone\.json: no calibration can be read from it"):
        read_calibration(tmp_path / "gone.json")
