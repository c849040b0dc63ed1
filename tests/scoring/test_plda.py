import numpy as np
import pytest
from scipy.stats import multivariate_normal

from wesep_like.errors import ConfigError, TrialError
from wesep_like.scoring.plda import PLDA, train_plda


@pytest.fixture
def model(covariances):
    return PLDA(np.array([1.0, -2.0, 0.5, 0.0]), *covariances)


def test_it_recovers_the_model(draw, model):
    counts = np.random.default_rng(0).integers(2, 9, 4000)
    embeddings, speakers = draw(4000, counts, model.between, model.within, model.mean)
    found = train_plda(embeddings, speakers, num_iterations=30)
    for name in ("mean", "between", "within"):
        known, learnt = getattr(model, name), getattr(found, name)
        assert np.linalg.norm(learnt - known) < 0.06 * np.linalg.norm(known)


def log_likelihood(model, embeddings, speakers):
    """Of all utterances, each speaker's together."""
    total, names = 0.0, np.array(speakers)
    for name in set(speakers):
        own = embeddings[names == name]
        num = len(own)
        covariance = np.kron(np.ones((num, num)), model.between) + np.kron(
            np.eye(num), model.within
        )
        total += multivariate_normal.logpdf(own.ravel(), np.tile(model.mean, num), covariance)
    return total


def test_every_round_makes_the_data_likelier(draw, covariances):
    counts = np.random.default_rng(1).integers(1, 5, 30)
    embeddings, speakers = draw(30, counts, *covariances)
    likelihoods = [
        log_likelihood(train_plda(embeddings, speakers, num_iterations=n), embeddings, speakers)
        for n in range(1, 12)
    ]
    assert (np.diff(likelihoods) > -1e-3).all()
    assert likelihoods[-1] > likelihoods[0]


def test_scores_are_the_closed_form(draw, model):
    first, _ = draw(6, 1, model.between, model.within, model.mean, seed=1)
    second, _ = draw(6, 1, model.between, model.within, model.mean, seed=2)
    scores = model.matrix(first, second)
    total = model.between + model.within
    together = np.block([[total, model.between], [model.between, total]])
    for a, x in enumerate(first):
        for b, y in enumerate(second):
            of_one = multivariate_normal.logpdf(
                np.concatenate([x, y]), np.tile(model.mean, 2), together
            )
            of_two = sum(multivariate_normal.logpdf(v, model.mean, total) for v in (x, y))
            assert scores[a, b] == pytest.approx(of_one - of_two)
    np.testing.assert_allclose(model.pairs(first, second), np.diag(scores))
    np.testing.assert_allclose(model.matrix(second, first), scores.T)


def test_fewer_speakers_than_dimensions(draw):
    embeddings, speakers = draw(5, 3, np.eye(20), 0.1 * np.eye(20))
    found = train_plda(embeddings, speakers)
    scores = found.matrix(embeddings, embeddings)
    assert np.isfinite(scores).all()
    is_same = np.array(speakers)[:, None] == np.array(speakers)
    assert scores[is_same].min() > scores[~is_same].max()


def test_between_two_domains(model):
    other = PLDA(model.mean + 1, 3 * model.between, 2 * model.within)
    half = model.adapted(other, 0.5)
    np.testing.assert_allclose(half.between, 2 * model.between)
    np.testing.assert_allclose(half.within, 1.5 * model.within)
    np.testing.assert_allclose(half.mean, other.mean)
    np.testing.assert_allclose(model.adapted(other, 1).between, other.between)


def test_messages(draw, model):
    with pytest.raises(ConfigError, match="weight: expected 0 to 1, got 1.5"):
        model.adapted(model, 1.5)
    with pytest.raises(ConfigError, match="num_iterations: expected at least 1, got 0"):
        train_plda(np.ones((3, 2)), ["a", "a", "b"], num_iterations=0)
    with pytest.raises(TrialError, match="embeddings, speakers: 3 and 2. Give one speaker for"):
        train_plda(np.ones((3, 2)), ["a", "b"])
    with pytest.raises(TrialError, match="speakers: 3, with up to 1 utterances each"):
        train_plda(np.ones((3, 2)), ["a", "b", "c"])
    with pytest.raises(TrialError, match=r"embeddings\[1\]: NaN or infinite numbers \(1 of 2"):
        train_plda(np.array([[1.0], [np.nan]]), ["a", "a"])
    with pytest.raises(TrialError, match=r"embeddings: shape \(2,\). Give some"):
        train_plda(np.ones(2), ["a", "a"])
