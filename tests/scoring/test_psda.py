import numpy as np
import pytest
from scipy.special import ive
from scipy.stats import vonmises_fisher

from wesep_like.errors import ConfigError, TrialError
from wesep_like.scoring.psda import PSDA, concentration, log_normaliser, mean_length, train_psda


def drawn(model, num_speakers, per_speaker, seed=0):
    rng = np.random.default_rng(seed)
    places = vonmises_fisher(model.mean, model.between, seed=rng).rvs(num_speakers)
    own = [vonmises_fisher(place, model.within, seed=rng).rvs(per_speaker) for place in places]
    return np.concatenate(own), np.repeat(np.arange(num_speakers).astype(str), per_speaker).tolist()


@pytest.fixture
def model():
    return PSDA(np.array([0.0, 0.6, 0.8]), 3.0, 20.0)


def test_it_recovers_the_model(model):
    found = train_psda(*drawn(model, 1500, 6), num_iterations=40)
    assert found.mean @ model.mean > 0.999
    assert found.between == pytest.approx(model.between, rel=0.1)
    assert found.within == pytest.approx(model.within, rel=0.05)


def test_scores_are_integrals_over_the_speaker(model):
    """In three dimensions densities are known: compared with a sum over the sphere."""
    first, _ = drawn(model, 4, 1, seed=1)
    second, _ = drawn(model, 4, 1, seed=2)
    # Equal areas of the sphere.
    z, angle = np.meshgrid(np.linspace(-1, 1, 801)[:-1] + 1 / 800, np.arange(800) * 2 * np.pi / 800)
    rest = np.sqrt(1 - z**2)
    places = np.stack([rest * np.cos(angle), rest * np.sin(angle), z], -1).reshape(-1, 3)

    def density(points, along, k):  # beside the uniform one
        return np.exp(k * (points @ along.T - 1)) * 2 * k / (1 - np.exp(-2 * k))

    prior = density(places, model.mean, model.between)
    scores = model.matrix(first, second)
    for a, x in enumerate(first):
        for b, y in enumerate(second):
            of_x, of_y = density(places, x, model.within), density(places, y, model.within)
            of_one = (prior * of_x * of_y).mean()
            of_two = (prior * of_x).mean() * (prior * of_y).mean()
            assert scores[a, b] == pytest.approx(np.log(of_one / of_two), abs=2e-3)
    np.testing.assert_allclose(model.pairs(first, second), np.diag(scores))
    np.testing.assert_allclose(model.matrix(second, first), scores.T)


@pytest.mark.parametrize("dim", [3, 192, 1024])
def test_normaliser_and_mean_length(dim):
    """The slope of the one is the other, but for the sign."""
    for x in (0.5, 30.0, 100.0, 500.0, 900.0, 1e5):
        step = 1e-2 * x
        slope = log_normaliser(np.array(x + step), dim) - log_normaliser(np.array(x - step), dim)
        length = float(mean_length(np.array(x), dim))
        assert -slope / (2 * step) == pytest.approx(length, rel=1e-3)
        assert concentration(length, dim) == pytest.approx(x, rel=1e-6)
    assert log_normaliser(np.array(0.0), dim) == 0
    assert float(mean_length(np.array(1e-3), dim)) == pytest.approx(1e-3 / dim, rel=1e-5)
    assert concentration(0.0, dim) == 0
    assert concentration(1.0, dim) == 1e6
    if dim == 3:
        assert log_normaliser(np.array(2.0), 3) == pytest.approx(-np.log(np.sinh(2) / 2))
    if dim == 1024:
        assert ive(dim / 2, 100) == 0  # so what is used in its place has been tried


def test_messages():
    with pytest.raises(TrialError, match=r"embeddings\[0\]: zero, which has no direction"):
        train_psda(np.zeros((3, 3)), ["a", "a", "b"])
    with pytest.raises(ConfigError, match="num_iterations: expected at least 1, got 0"):
        train_psda(np.ones((3, 3)), ["a", "a", "b"], num_iterations=0)
