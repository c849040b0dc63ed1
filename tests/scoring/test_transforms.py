import numpy as np
import pytest

from wesep_like.errors import ConfigError, TrialError
from wesep_like.scoring.labels import by_speaker
from wesep_like.scoring.scorers import Cosine
from wesep_like.scoring.transforms import LengthNorm, centring, coral, lda, wccn


def test_length_and_centre():
    embeddings = np.array([[3.0, 4.0], [0.0, -2.0]])
    np.testing.assert_allclose(LengthNorm()(embeddings), [[0.6, 0.8], [0, -1]])
    np.testing.assert_allclose(centring(embeddings)(embeddings).mean(0), 0)
    with pytest.raises(TrialError, match=r"embeddings\[1\]: zero, which has no direction \(1 of 2"):
        LengthNorm()(np.array([[1.0, 0.0], [0.0, 0.0]]))


def test_cosine():
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 5, 3))
    scores = Cosine().matrix(first, second)
    for a, x in enumerate(first):
        for b, y in enumerate(second):
            expected = x @ y / np.linalg.norm(x) / np.linalg.norm(y)
            assert scores[a, b] == pytest.approx(expected)
    np.testing.assert_allclose(Cosine().pairs(first, second), np.diag(scores))


def test_lda_finds_where_speakers_differ(draw):
    between, within = np.diag([9.0, 4.0, 0.0, 0.0]), np.diag([1.0, 1.0, 25.0, 1.0])
    embeddings, speakers = draw(400, 8, between, within, mean=3.0)
    found = lda(embeddings, speakers, 2)
    mapped = found(embeddings)
    assert mapped.shape == (3200, 2)
    # In the order of what they tell, with variances of 1 within speakers.
    groups = by_speaker(mapped, speakers)
    np.testing.assert_allclose(groups.within(), np.eye(2), atol=1e-5)
    np.testing.assert_allclose(np.diag(groups.between()), [9 + 1 / 8, 4 + 1 / 8], rtol=0.2)
    blind = np.abs(found.matrix[2:]) / np.abs(found.matrix).max()
    assert blind.max() < 0.05


def test_lda_is_scikit_learns(draw, covariances):
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    embeddings, speakers = draw(30, 5, *covariances)
    theirs = LinearDiscriminantAnalysis(solver="eigen", n_components=3).fit(embeddings, speakers)
    ours = lda(embeddings, speakers, 3)(embeddings)
    other = theirs.transform(embeddings)
    for a, b in zip(ours.T, (other - other.mean(0)).T, strict=True):
        assert abs(np.corrcoef(a, b)[0, 1]) > 1 - 1e-8


def test_wccn_makes_speakers_vary_alike(draw, covariances):
    embeddings, speakers = draw(50, 6, *covariances)
    mapped = wccn(embeddings, speakers)(embeddings)
    np.testing.assert_allclose(by_speaker(mapped, speakers).within(), np.eye(4), atol=1e-4)


def test_coral_gives_one_domain_the_covariance_of_the_other(draw, covariances):
    there, _ = draw(300, 2, covariances[0], covariances[1], mean=2.0)
    here, _ = draw(300, 2, covariances[1], 3 * covariances[0], mean=-1.0, seed=1)
    mapped = coral(there, here)(there)
    np.testing.assert_allclose(np.cov(mapped.T, bias=True), np.cov(here.T, bias=True), rtol=1e-3)
    with pytest.raises(TrialError, match="embeddings: of 4 and of 3 numbers. Both domains must be"):
        coral(there, here[:, :3])


def test_messages(draw, covariances):
    embeddings, speakers = draw(3, 4, *covariances)
    with pytest.raises(ConfigError, match="lda: expected 1 to 2 directions, as 3 speakers"):
        lda(embeddings, speakers, 3)
