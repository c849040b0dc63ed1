import itertools

import numpy as np
import pytest

from wesep_like.audio import io
from wesep_like.errors import ManifestError, TrialError
from wesep_like.evaluation import trial_scores as module
from wesep_like.evaluation.error_rates import eer_report
from wesep_like.evaluation.trial_scores import (
    Cohort,
    Scoring,
    calibrated,
    measures_of,
    score_trials,
    usable,
)
from wesep_like.evaluation.trials import ScoredTrial, Trial
from wesep_like.inference.embedder import Embedder
from wesep_like.interop.checkpoints import read_published_encoder
from wesep_like.models.build import build_speaker
from wesep_like.models.model_file import load_weights
from wesep_like.scoring.backend import Backend, BackendOptions, train_backend
from wesep_like.scoring.calibration import Calibration
from wesep_like.scoring.plda import train_plda
from wesep_like.scoring.transforms import LengthNorm, centring

NAMES = ["a", "b", "c", "d"]
ROWS = dict(zip(NAMES, (3, 0, 2, 1), strict=True))
TRIALS = [
    Trial(*pair, is_target=n % 2 == 0) for n, pair in enumerate(itertools.product(NAMES, NAMES))
]


@pytest.fixture
def embeddings(make_embeddings):
    rng = np.random.default_rng(0)
    return make_embeddings(rng.standard_normal((5, 6)), seconds=[1, 2, 3, 4, np.nan])


@pytest.fixture
def cohort(make_embeddings):
    """Twenty speakers of two utterances each."""
    rng = np.random.default_rng(1)
    speakers = [f"s{n}" for n in range(20)] * 2
    return make_embeddings(rng.standard_normal((40, 6)), speakers=speakers, where="c.npz")


def cosine(x, y):
    return x @ y / np.linalg.norm(x) / np.linalg.norm(y)


def test_without_more_ado_it_is_the_cosine(embeddings, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK_TRIALS", 3)
    scored = score_trials(TRIALS, ROWS, embeddings)
    assert [(t.first, t.second, t.is_target) for t in scored] == [
        (t.first, t.second, t.is_target) for t in TRIALS
    ]
    vectors = embeddings.vectors.astype(float)
    for trial in scored:
        expected = cosine(vectors[ROWS[trial.first]], vectors[ROWS[trial.second]])
        assert trial.score == pytest.approx(expected)
        assert trial.measures == {}


def test_a_mean_is_taken_away_and_a_backend_is_learnt(embeddings, cohort):
    centred = Backend((centring(cohort.vectors),))
    vectors = embeddings.vectors - cohort.vectors.astype(float).mean(0)
    scored = score_trials(TRIALS[:2], ROWS, embeddings, Scoring(centred))
    assert scored[1].score == pytest.approx(cosine(vectors[3], vectors[0]))
    learnt = train_backend(
        BackendOptions("plda", centre=True), cohort.vectors, cohort.known_speakers()
    )
    unit = LengthNorm()
    mean = cohort.vectors.astype(float).mean(0)
    plda = train_plda(unit(cohort.vectors - mean), cohort.known_speakers())
    expected = plda.pairs(unit(vectors[[3]]), unit(vectors[[0]]))
    scored = score_trials(TRIALS[:2], ROWS, embeddings, Scoring(learnt))
    assert scored[1].score == pytest.approx(expected[0])


@pytest.mark.parametrize("norm", ["z", "t", "s", "as"])
def test_normalised_as_by_a_plain_double_loop(embeddings, cohort, norm):
    scoring = Scoring(norm=norm, cohort=Cohort.of(cohort), top_n=7)
    scored = score_trials(TRIALS, ROWS, embeddings, scoring)
    names = cohort.known_speakers()
    strangers = [
        np.mean([v for v, n in zip(cohort.vectors, names, strict=True) if n == name], axis=0)
        for name in sorted(set(names))
    ]
    for trial in scored:
        pair = [embeddings.vectors[ROWS[name]] for name in (trial.first, trial.second)]
        sides = []
        for voice in pair:
            others = sorted((cosine(voice, other) for other in strangers), reverse=True)
            others = others[:7] if norm == "as" else others
            sides.append((cosine(*pair) - np.mean(others)) / np.std(others))
        expected = {"z": sides[0], "t": sides[1]}.get(norm, np.mean(sides))
        assert trial.score == pytest.approx(expected, rel=1e-4)


def test_measures_of_quality(embeddings, cohort):
    plain = score_trials(TRIALS, ROWS, embeddings, Scoring(has_measures=True))
    assert list(plain[1].measures) == [
        *("lower_log_seconds", "higher_log_seconds"),
        *("lower_embedding_norm", "higher_embedding_norm"),
    ]
    assert plain[1].measures["lower_log_seconds"] == pytest.approx(0)  # a and b: 4 s and 1 s
    assert plain[1].measures["higher_log_seconds"] == pytest.approx(np.log(4))
    norms = np.linalg.norm(embeddings.vectors[[3, 0]], axis=1)
    assert plain[1].measures["higher_embedding_norm"] == pytest.approx(norms.max())
    scoring = Scoring(cohort=Cohort.of(cohort), top_n=5, has_measures=True)
    more = score_trials(TRIALS, ROWS, embeddings, scoring)
    assert [t.score for t in more] == [t.score for t in plain]  # a cohort alone changes no score
    assert {*more[1].measures} - {*plain[1].measures} == {
        "lower_cohort_mean",
        "higher_cohort_mean",
    }
    with pytest.raises(TrialError, match=r"embeddings: not said how long 4\.wav is \(1 of 2 are"):
        score_trials([Trial("a", "e")], {**ROWS, "e": 4}, embeddings, Scoring(has_measures=True))
    table = measures_of(more, ["lower_log_seconds"])
    assert list(table) == ["score", "lower_log_seconds"]
    with pytest.raises(TrialError, match="a b: has no x. Write the scores with 'wesep-like score"):
        measures_of([ScoredTrial("a", "b", None, 0.5)], ["x"])


def test_calibrated_scores(embeddings, cohort):
    plain = [trial.score for trial in score_trials(TRIALS, ROWS, embeddings)]
    affine = Scoring(calibration=Calibration(("score",), np.array([10.0]), -3.0))
    found = [trial.score for trial in score_trials(TRIALS, ROWS, embeddings, affine)]
    np.testing.assert_allclose(found, 10 * np.array(plain) - 3)
    names = ("score", "lower_log_seconds", "higher_cohort_mean")
    calibration = Calibration(names, np.array([1.0, 2.0, 3.0]), 0.0)
    scoring = Scoring(cohort=Cohort.of(cohort), top_n=5, calibration=calibration)
    scored = score_trials(TRIALS, ROWS, embeddings, scoring)
    measured = score_trials(
        TRIALS, ROWS, embeddings, Scoring(cohort=scoring.cohort, top_n=5, has_measures=True)
    )
    for one, other in zip(scored, measured, strict=True):
        low, high = (other.measures[name] for name in names[1:])
        assert one.score == pytest.approx(other.score + 2 * low + 3 * high)
        assert one.measures == {}
    with pytest.raises(TrialError, match="calibration: was learnt with the mean score with a coho"):
        score_trials(TRIALS, ROWS, embeddings, Scoring(calibration=calibration))


def test_cohorts_that_cannot_be_used(embeddings, cohort, make_embeddings):
    with pytest.raises(TrialError, match=r"c\.npz: cohort: 20 embeddings, but the highest 300 sc"):
        score_trials(TRIALS, ROWS, embeddings, Scoring(norm="as", cohort=Cohort.of(cohort)))
    with pytest.raises(ManifestError, match=r"not said who speaks in 0\.wav \(3 of 3 are such\)"):
        Cohort.of(make_embeddings(np.eye(3)))


def test_a_zero_embedding_costs_its_trials_only(make_embeddings):
    embeddings = make_embeddings(np.array([[1.0, 0], [0, 0], [0, 1]]), where="e.npz")
    rows = {"a": 0, "b": 1, "c": 2}
    trials = [Trial("a", "b"), Trial("a", "c"), Trial("c", "lost")]
    assert usable(trials, rows, embeddings) == (
        [Trial("a", "c")],
        ["b: its embedding in e.npz is zero, which says nothing of a voice"],
    )


@pytest.mark.slow
def test_the_pretrained_encoder_knows_the_speakers_of_test_other(shared, make_embeddings):
    """It is known to reach 0.79, 0.09 and 0 %; a fault in features or layers shows here."""
    speaker = build_speaker(
        {"speaker": {"name": "campplus", "window": "povey", "waveform_scale": 1.0}}, 16000
    )
    weights = shared / "pretrained" / "campplus_cn_en_common.pt"
    load_weights(speaker, read_published_encoder(weights), weights)
    embedder = Embedder(speaker, 16000)
    root = shared / "corpus" / "LibriSpeech" / "test-other"
    files = sorted(root.rglob("*.flac"))
    names = [str(path.relative_to(root)) for path in files]
    embeddings = make_embeddings([embedder.embed(io.read(path).samples, 16000) for path in files])
    trials = [
        Trial(first, second, first.split("/")[0] == second.split("/")[0])
        for first, second in itertools.combinations(names, 2)
    ]
    rows = {name: row for row, name in enumerate(names)}
    scored = score_trials(trials, rows, embeddings)
    report = eer_report([t.score for t in scored], [t.is_target for t in scored])
    assert (report["num_trials"], report["num_target"]) == (1225, 225)
    assert report["eer"] < 0.01
    assert report["mean_target"] == pytest.approx(0.79, abs=0.02)
    assert report["mean_nontarget"] == pytest.approx(0.09, abs=0.02)


def test_scores_that_exist_are_calibrated():
    scored = [ScoredTrial("a", "b", True, 2.0, {"x": 0.5}), ScoredTrial("a", "c", None, -1.0)]
    affine = Calibration(("score",), np.array([3.0]), -1.0)
    assert calibrated(scored, affine) == [
        ScoredTrial("a", "b", True, 5.0, {"x": 0.5}),
        ScoredTrial("a", "c", None, -4.0),
    ]
    by_quality = Calibration(("score", "x"), np.array([3.0, 2.0]), -1.0)
    assert calibrated(scored[:1], by_quality)[0].score == 6.0
    with pytest.raises(TrialError, match="a c: has no x. Write the scores with 'wesep-like score"):
        calibrated(scored, by_quality)
