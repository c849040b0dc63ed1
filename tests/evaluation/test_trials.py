import pytest

from wesep_like.errors import OutputError, TrialError
from wesep_like.evaluation.trials import (
    DuplicateTrialWarning,
    ScoredTrial,
    Trial,
    labelled,
    read_scores,
    read_trials,
    write_scores,
)


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "list.txt"
        path.write_text(text)
        return path

    return write


def test_both_forms_of_a_list_are_one(written):
    trials = [Trial("a", "b", True), Trial("a", "c/d.wav", False)]
    assert read_trials(written("1 a b\n0 a c/d.wav\n")) == trials
    assert read_trials(written("a b target\n\n a\tc/d.wav  nontarget")) == trials
    assert read_trials(written("a b\n1 0\n")) == [Trial("a", "b"), Trial("1", "0")]
    assert read_trials(written("1 1 target\n0 0 1\n")) == [
        Trial("1", "1", True),
        Trial("0", "1", False),
    ]


def test_bad_lists_are_told_by_line(written, tmp_path):
    with pytest.raises(TrialError, match=r"list\.txt:2: expected '1 a b'.*, got '2 a b'$"):
        read_trials(written("1 a b\n2 a b\n"))
    with pytest.raises(TrialError) as caught:
        read_trials(written("1 a b\n" + "a\n" * 12))
    lines = str(caught.value).split("\n")
    assert len(lines) == 11
    assert lines[0].startswith(f"{tmp_path / 'list.txt'}:2: ")
    assert lines[-1] == "and 2 more bad lines"
    with pytest.raises(TrialError, match=r"list\.txt: no trials in it"):
        read_trials(written("\n \n"))
    with pytest.raises(TrialError, match=r"gone\.txt: cannot be read \(No such file"):
        read_trials(tmp_path / "gone.txt")
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(TrialError, match="noise: not a text file"):
        read_trials(tmp_path / "noise")


def test_scores_come_back_as_they_were_written(tmp_path):
    scored = [ScoredTrial("a", "b", True, 0.125), ScoredTrial("a", "c", False, -1.0)]
    write_scores(tmp_path / "scores.txt", scored)
    assert (tmp_path / "scores.txt").read_text().splitlines()[0] == "a b 0.125000 target"
    assert read_scores(tmp_path / "scores.txt") == scored
    unlabelled = [ScoredTrial("a", "b", None, 0.5)]
    write_scores(tmp_path / "scores.txt", unlabelled)
    assert (tmp_path / "scores.txt").read_text() == "a b 0.500000\n"
    assert read_scores(tmp_path / "scores.txt") == unlabelled
    with pytest.raises(OutputError, match="there is no folder"):
        write_scores(tmp_path / "gone" / "scores.txt", scored)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a b", r":2: expected 'a b score', .*, got 'a b'"),
        ("a b 0.5 same", r":2: expected 'a b score', .*, got 'a b 0.5 same'"),
        ("a b high", r":2: expected a finite number as score, got 'a b high'"),
        ("a b nan", r":2: expected a finite number as score, got 'a b nan'"),
    ],
)
def test_bad_scores_are_told_by_line(written, line, message):
    with pytest.raises(TrialError, match=message):
        read_scores(written(f"a b 0.5\n{line}\n"))


@pytest.mark.parametrize(
    ("text", "score", "label"),
    [
        ("a b -1.5e-3", -1.5e-3, None),  # Kaldi's
        ("a b 0.51234 nontarget", 0.51234, False),  # WeSpeaker's
        ("a b 3.1 target 15.2 16.1 0.25 0.31", 3.1, True),  # and after its AS-norm
    ],
)
def test_scores_of_others(written, text, score, label):
    assert read_scores(written(text)) == [ScoredTrial("a", "b", label, score)]


def test_measures_are_kept_beside_scores(tmp_path):
    scored = [
        ScoredTrial("a", "b", True, 1.0, {"lower_log_seconds": 0.25, "higher_log_seconds": 2.0}),
        ScoredTrial("a", "c", None, 2.0, {"lower_log_seconds": 0.5, "higher_log_seconds": 4.0}),
    ]
    path = tmp_path / "scores.txt"
    write_scores(path, scored)
    assert path.read_text().splitlines() == [
        "a b 1.000000 target lower_log_seconds=0.25 higher_log_seconds=2",
        "a c 2.000000 unknown lower_log_seconds=0.5 higher_log_seconds=4",
    ]
    assert read_scores(path) == scored
    path.write_text("a b 1 target lower_log_seconds=inf\n")
    with pytest.raises(TrialError, match=r":1: expected a finite number as lower_log_seconds"):
        read_scores(path)


def test_a_trial_that_is_there_again_counts_once(written):
    path = written("1 a b\n0 a c\n\n1 a b\n1 b a\n1 a b\n")
    told = r"list\.txt: line 4 has the trial of line 1 again; counted once \(2 lines are such\)"
    with pytest.warns(DuplicateTrialWarning, match=told):
        trials = read_trials(path)
    assert trials == [Trial("a", "b", True), Trial("a", "c", False), Trial("b", "a", True)]
    with pytest.warns(DuplicateTrialWarning, match="line 2 has the trial of line 1 again"):
        assert len(read_scores(written("a b 0.5 target\na b 0.5 target\n"))) == 1


def test_contradictions_are_told_with_both_lines(written):
    for text in ("1 a b\n1 a c\n0 a b\n", "a b target\na c target\nb a nontarget\n"):
        told = r"list\.txt:3: line 1 says of these two that they are of kind 'target', got '"
        with pytest.raises(TrialError, match=told):
            read_trials(written(text))
    with pytest.raises(TrialError, match=r":2: line 1 has another score of this trial, 0\.5, got"):
        read_scores(written("a b 0.5 target\na b 0.6 target\n"))
    with pytest.raises(TrialError, match=r":2: line 1 says of these two that they are of kind 'no"):
        read_scores(written("a b 0.5 nontarget\na b 0.5 target\n"))
    assert len(read_scores(written("a b 0.5\nb a 0.6\n"))) == 2  # scores may depend on the order


def test_labels_meet_scores_by_name_and_not_by_order():
    scored = [ScoredTrial("a", "b", None, 0.9), ScoredTrial("c", "d", None, 0.1)]
    trials = [Trial("c", "d", False), Trial("a", "b", True)]
    right = [ScoredTrial("c", "d", False, 0.1), ScoredTrial("a", "b", True, 0.9)]
    assert labelled(scored, trials) == right
    assert labelled(right) == right


def test_scores_that_do_not_fit_their_trials():
    scored = [ScoredTrial("a", "b", None, 0.9)]
    with pytest.raises(TrialError, match=r"a b: not said whether .* \(1 of 1 are such\)"):
        labelled(scored)
    with pytest.raises(TrialError, match=r"b a: has no score \(1 of 2 trials are such\)"):
        labelled(scored, [Trial("a", "b", True), Trial("b", "a", True)])
    with pytest.raises(TrialError, match=r"a b: two scores, 0\.9 and 0\.8\. Keep one"):
        labelled([*scored, ScoredTrial("a", "b", None, 0.8)], [Trial("a", "b", True)])


def test_scores_of_another_system_are_of_the_same_trials():
    own = [ScoredTrial("a", "b", True, 0.9), ScoredTrial("c", "d", False, 0.1)]
    other = [ScoredTrial("c", "d", None, 3.0), ScoredTrial("a", "b", True, 7.0)]
    assert labelled(other, own, is_all=True) == [
        ScoredTrial("a", "b", True, 7.0),
        ScoredTrial("c", "d", False, 3.0),
    ]
    more = [*other, ScoredTrial("b", "a", None, 1.0)]
    assert len(labelled(more, own)) == 2
    with pytest.raises(
        TrialError, match=r"o\.txt: b a: scored here alone \(1 of 3 trials are such"
    ):
        labelled(more, own, where="o.txt", is_all=True)
    with pytest.raises(TrialError, match=r"o\.txt: c d: has no score \(1 of 2 trials are such\)"):
        labelled(other[1:], own, where="o.txt", is_all=True)


def test_labels_of_scores_and_of_the_list_contradict_each_other():
    scored = [ScoredTrial("a", "b", True, 0.9), ScoredTrial("c", "d", True, 0.1)]
    message = (
        r"s\.txt: c d: of kind 'target' in it, and of kind 'nontarget' in the other file "
        r"\(1 of 2 trials are such\)\. Correct"
    )
    with pytest.raises(TrialError, match=message):
        labelled(scored, [Trial("c", "d", False), Trial("a", "b", True)], where="s.txt")
