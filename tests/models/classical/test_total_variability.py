import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles

from wesep_like.errors import ConfigError
from wesep_like.models.classical.gmm import Statistics
from wesep_like.models.classical.total_variability import (
    em_round,
    posterior,
    products,
    train_loadings,
)


def generator():
    return torch.Generator().manual_seed(5)


def drawn(num, loadings, frames_each=30.0):
    """Statistics of utterances whose means are moved by standard normal vectors; and these."""
    vectors = torch.randn(num, loadings.shape[2], dtype=torch.float64)
    counts = frames_each * torch.rand(num, loadings.shape[0], dtype=torch.float64)
    means = torch.einsum("kdr,nr->nkd", loadings, vectors)
    noise = torch.randn(means.shape, dtype=torch.float64)
    return Statistics(counts, counts[..., None] * means + counts.sqrt()[..., None] * noise), vectors


def some_loadings(num_components=6, num_channels=5, dim=3):
    return torch.randn(num_components, num_channels, dim, dtype=torch.float64)


def test_the_posterior_is_that_of_dense_matrices():
    loadings = some_loadings()
    statistics, _ = drawn(4, loadings)
    found = posterior(statistics, loadings, products(loadings))
    dense = loadings.flatten(0, 1).numpy()
    for row in range(4):
        counts = np.diag(statistics.counts[row].repeat_interleave(5).numpy())
        covariance = np.linalg.inv(np.eye(3) + dense.T @ counts @ dense)
        mean = covariance @ dense.T @ statistics.sums[row].flatten().numpy()
        np.testing.assert_allclose(found.covariances[row], covariance, rtol=1e-8)
        np.testing.assert_allclose(found.means[row], mean, rtol=1e-8)


def test_the_evidence_is_the_density_of_the_statistics():
    """Means of components are normal around 0: against not being moved at all, in closed form."""
    loadings = some_loadings()
    statistics, _ = drawn(4, loadings)
    found = posterior(statistics, loadings, products(loadings)).log_evidence
    dense = loadings.flatten(0, 1).numpy()
    for row in range(4):
        each = statistics.counts[row].repeat_interleave(5).numpy()
        means = statistics.sums[row].flatten().numpy() / each
        still = np.diag(1 / each)
        moved = still + dense @ dense.T
        expected = 0.5 * (
            means @ (np.linalg.inv(still) - np.linalg.inv(moved)) @ means
            + np.linalg.slogdet(still)[1]
            - np.linalg.slogdet(moved)[1]
        )
        assert found[row].item() == pytest.approx(expected, rel=1e-8)


def test_evidence_rises_with_each_round():
    statistics, _ = drawn(300, some_loadings())
    loadings = 0.1 * torch.randn(6, 5, 3, dtype=torch.float64)
    values = []
    for _ in range(12):
        loadings, value = em_round(loadings, statistics)
        values.append(value)
    assert (np.diff(values) > -1e-9).all()
    assert values[-1] > values[0] + 1


def test_the_directions_of_synthetic_utterances_are_found():
    truth = some_loadings()
    statistics, vectors = drawn(1500, truth)
    told = []
    found = train_loadings(
        statistics, 3, generator(), num_rounds=20, progress=lambda *done: told.append(done)
    )
    angles = subspace_angles(truth.flatten(0, 1).numpy(), found.flatten(0, 1).numpy())
    assert np.degrees(angles).max() < 2
    # Of the same size too, so that i-vectors are standard normal.
    ours, theirs = (one.flatten(0, 1) @ one.flatten(0, 1).T for one in (found, truth))
    assert (ours - theirs).norm() < 0.1 * theirs.norm()
    assert told[-1] == (20 * 1500, 20 * 1500)
    means = posterior(statistics, found, products(found)).means
    fit = torch.linalg.lstsq(means, vectors).solution
    assert (means @ fit - vectors).var() < 0.05


def test_the_same_seed_gives_the_same_loadings():
    statistics, _ = drawn(50, some_loadings())
    one, other = (train_loadings(statistics, 2, generator(), num_rounds=2) for _ in range(2))
    assert torch.equal(one, other)


def test_a_component_without_frames_does_no_harm():
    statistics, _ = drawn(100, some_loadings())
    statistics.counts[:, 2] = 0
    statistics.sums[:, 2] = 0
    found = train_loadings(statistics, 3, generator(), num_rounds=3)
    assert found.isfinite().all()
    assert found[2].abs().max() == 0


def test_too_few_utterances():
    statistics, _ = drawn(4, some_loadings())
    with pytest.raises(ConfigError, match="expected 1 to 4 directions, as there are so many"):
        train_loadings(statistics, 5, generator())
    with pytest.raises(ConfigError, match="at least one round, got 3 and 0"):
        train_loadings(statistics, 3, generator(), num_rounds=0)
