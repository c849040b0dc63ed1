import pytest

from wesep_like.errors import ManifestError
from wesep_like.evaluation.score_table import read_scores, write_scores


def test_rows_are_read_as_they_were_written(tmp_path):
    rows = [
        {"id": "007", "speaker": "1", "sexes": "F-M", "si_sdri": 3.25, "sir_db": None, "note": ""},
        {
            "id": "m,1",
            "speaker": "2",
            "sexes": "",
            "si_sdri": None,
            "sir_db": -1.5,
            "note": 'a "b"',
        },
    ]
    write_scores(tmp_path / "scores.csv", rows)
    assert (tmp_path / "scores.csv").read_text().splitlines()[1] == "007,1,F-M,3.2500,,"
    assert read_scores(tmp_path) == rows


@pytest.mark.parametrize(
    "text", ["", "id,si_sdri\n", "name,score\na,1\n", "id,si_sdri\na,loud\n", "id,si_sdri\na,1,2\n"]
)
def test_what_is_no_table_of_scores(tmp_path, text):
    (tmp_path / "scores.csv").write_text(text)
    with pytest.raises(ManifestError, match=r"scores\.csv: cannot be read as a table of scores \("):
        read_scores(tmp_path)


def test_no_report_there(tmp_path):
    with pytest.raises(ManifestError, match=r"No such file.*Name the folder of a report that"):
        read_scores(tmp_path / "nowhere")
