import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from wesep_like.errors import ConfigError
from wesep_like.models.classical.gmm import DiagonalGMM
from wesep_like.models.classical.gmm_training import em_round, train_gmm
from wesep_like.models.classical.map_adaptation import adapted_means, log_likelihood_ratios


def generator():
    return torch.Generator().manual_seed(3)


def some_gmm(num_components=5, num_channels=4):
    gmm = DiagonalGMM(num_components, num_channels)
    gmm.weights = torch.rand(num_components).softmax(0)
    gmm.variances = 0.3 + torch.rand(num_components, num_channels)
    return gmm


def clusters(num=2000):
    """Frames of three clouds, and their centres."""
    centres = torch.tensor([[4.0, 0.0], [-4.0, 1.0], [0.0, -5.0]])
    return centres[torch.arange(num) % 3] + 0.5 * torch.randn(num, 2), centres


def test_agrees_with_sklearn():
    ours, theirs = some_gmm(), GaussianMixture(5, covariance_type="diag")
    theirs.weights_, theirs.means_, theirs.covariances_ = (
        values.double().numpy() for values in (ours.weights, ours.means, ours.variances)
    )
    theirs.precisions_cholesky_ = theirs.covariances_**-0.5
    frames = 2 * torch.randn(50, 4)
    joint = ours.log_joint(frames)
    np.testing.assert_allclose(joint.logsumexp(1), theirs.score_samples(frames.numpy()), rtol=1e-5)
    np.testing.assert_allclose(joint.softmax(1), theirs.predict_proba(frames.numpy()), atol=1e-5)


def test_statistics_are_those_of_a_loop():
    gmm = some_gmm()
    frames = torch.randn(2, 30, 4)
    is_heard = torch.rand(2, 30) < 0.7
    found = gmm.statistics(frames, is_heard)
    for row in range(2):
        counts, sums = torch.zeros(5), torch.zeros(5, 4)
        for frame in frames[row][is_heard[row]]:
            shares = gmm.log_joint(frame).softmax(0)
            counts += shares
            sums += shares[:, None] * (frame - gmm.means) / gmm.variances.sqrt()
        torch.testing.assert_close(found.counts[row], counts, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(found.sums[row], sums, atol=1e-4, rtol=1e-4)


def test_likelihood_rises_with_each_round():
    frames = torch.cat([clusters()[0], 3 * torch.randn(2000, 2)])
    gmm = some_gmm(8, 2)
    values = [em_round(gmm, frames, torch.full((2,), 1e-3), generator()) for _ in range(15)]
    assert (np.diff(values) > -1e-5).all()
    assert values[-1] > values[0] + 0.1


def test_one_round_is_that_of_sklearn():
    frames = clusters(300)[0]
    ours = some_gmm(3, 2)
    weights, means, variances = (
        values.double().numpy() for values in (ours.weights, ours.means, ours.variances)
    )
    theirs = GaussianMixture(
        3,
        covariance_type="diag",
        max_iter=1,
        reg_covar=0,
        weights_init=weights / weights.sum(),
        means_init=means,
        precisions_init=1 / variances,
    )
    with pytest.warns(Warning, match="did not converge"):
        theirs.fit(frames.double().numpy())
    em_round(ours, frames, torch.full((2,), 1e-6), generator())
    np.testing.assert_allclose(ours.weights, theirs.weights_, atol=1e-4)
    np.testing.assert_allclose(ours.means, theirs.means_, atol=1e-3)
    np.testing.assert_allclose(ours.variances, theirs.covariances_, atol=1e-3)


def test_clouds_are_found():
    frames, centres = clusters()
    told = []
    gmm = train_gmm(frames, 3, generator(), progress=lambda *done: told.append(done))
    nearest = torch.cdist(centres, gmm.means).min(1).values
    assert nearest.max() < 0.1
    torch.testing.assert_close(gmm.weights, torch.full((3,), 1 / 3), atol=0.01, rtol=0)
    torch.testing.assert_close(gmm.variances, torch.full((3, 2), 0.25), atol=0.04, rtol=0)
    assert told == [(number, 18) for number in range(1, 19)]


def test_the_same_seed_gives_the_same_mixture():
    frames = clusters()[0]
    one, other = (train_gmm(frames, 6, generator(), num_rounds=2) for _ in range(2))
    assert torch.equal(one.means, other.means)
    elsewhere = train_gmm(frames, 6, torch.Generator().manual_seed(4), num_rounds=2)
    assert not torch.equal(one.means, elsewhere.means)


def test_a_component_without_frames_is_put_elsewhere():
    frames = clusters()[0]
    gmm = some_gmm(3, 2)
    gmm.means[1] = 1000.0
    em_round(gmm, frames, torch.full((2,), 1e-3), generator())
    assert gmm.means.shape == (3, 2)
    assert gmm.means.abs().max() < 10
    assert gmm.weights.sum() == pytest.approx(1)
    for _ in range(30):
        em_round(gmm, frames, torch.full((2,), 1e-3), generator())
    assert gmm.weights.min() > 0.1


def test_frames_that_are_alike_leave_a_variance():
    frames = torch.randn(50, 2).repeat_interleave(20, dim=0)
    gmm = train_gmm(frames, 40, generator())
    least = 0.01 * frames.var(0, correction=0)
    assert (gmm.variances >= 0.99 * least).all()
    assert gmm.log_joint(frames).isfinite().all()


def test_too_few_frames():
    with pytest.raises(ConfigError, match=r"num_components: 100 frames .* Expected 10 or fewer"):
        train_gmm(torch.randn(100, 2), 11, generator())
    with pytest.raises(ConfigError, match="at least 1 of each, got 4 and 0"):
        train_gmm(torch.randn(100, 2), 4, generator(), num_rounds=0)


def test_adaptation_is_the_published_formula():
    gmm = some_gmm()
    frames = torch.randn(40, 4)
    moved = adapted_means(gmm.statistics(frames[None], torch.ones(1, 40)), 16.0)[0]
    shares = gmm.log_joint(frames).softmax(1)
    for component in range(5):
        count = shares[:, component].sum()
        mean = (shares[:, component, None] * frames).sum(0) / count
        alpha = count / (count + 16)
        adapted = alpha * mean + (1 - alpha) * gmm.means[component]
        found = gmm.means[component] + moved[component] * gmm.variances[component].sqrt()
        torch.testing.assert_close(found, adapted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("num_top", [1, 3, 9])
def test_the_ratio_is_that_of_densities(num_top, monkeypatch):
    # Speakers one by one, and all at once.
    gmm, frames, moved = some_gmm(), torch.randn(20, 4), 0.5 * torch.randn(3, 5, 4)
    expected = []
    for speaker in range(3):
        means = gmm.means + moved[speaker] * gmm.variances.sqrt()
        total = 0.0
        for frame in frames:
            with_, without = (
                [
                    gmm.weights[c].item()
                    * multivariate_normal.pdf(frame, of[c], np.diag(gmm.variances[c]))
                    for c in range(5)
                ]
                for of in (means, gmm.means)
            )
            top = np.argsort(without)[::-1][:num_top]
            total += np.log(np.take(with_, top).sum() / np.take(without, top).sum())
        expected.append(total / 20)
    found = log_likelihood_ratios(gmm, moved, frames, num_top)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    monkeypatch.setattr("wesep_like.models.classical.map_adaptation._BLOCK_NUMBERS", 1)
    in_blocks = log_likelihood_ratios(gmm, moved, frames, num_top)
    torch.testing.assert_close(in_blocks, found)
