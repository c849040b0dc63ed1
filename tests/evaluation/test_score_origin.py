import hashlib
import json

from wesep_like.evaluation.score_origin import (
    differences,
    file_digest,
    read_origin,
    write_origin,
)

ORIGIN = {"model": "m vad=none", "norm": "as", "top_n": "300"}


def test_it_is_read_beside_the_scores_that_it_is_of(tmp_path):
    scores = tmp_path / "scores.txt"
    scores.write_text("a b 0.5\n")
    assert read_origin(scores) == {}
    write_origin(scores, ORIGIN)
    assert read_origin(scores) == ORIGIN
    assert scores.read_text() == "a b 0.5\n"
    scores.write_text("a b 0.75\n")  # by another program
    assert read_origin(scores) == {}
    assert read_origin(tmp_path / "gone.txt") == {}


def test_a_record_that_is_none_is_not_known(tmp_path):
    scores = tmp_path / "scores.txt"
    scores.write_text("a b 0.5\n")
    right = {"scores": file_digest(scores)}
    for text in ("", "[]", "{}", json.dumps(right), json.dumps({**right, "origin": 3})):
        (tmp_path / "scores.txt.origin.json").write_text(text)
        assert read_origin(scores) == {}


def test_a_file_is_told_by_its_content(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    assert hashlib.sha256(b"content").hexdigest().startswith(file_digest(tmp_path / "a"))
    assert file_digest(None) == "none"


def test_only_what_is_known_of_both_differs():
    other = {"norm": "s", "top_n": "300", "cohort": "none"}
    assert differences(ORIGIN, other) == ["norm is as here and was s there"]
    assert differences(ORIGIN, {}) == []
