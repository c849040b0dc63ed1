"""A discriminator learns PESQ; the model learns from the discriminator."""

import pytest
import torch

from wesep_like.audio import io
from wesep_like.errors import ConfigError
from wesep_like.metrics.pesq import pesq
from wesep_like.tasks.metric_gan import MetricGAN, MetricGANOptions

pytest.importorskip("pesq", reason="PESQ is not installed")


@pytest.fixture
def speech():
    """Real speech, and worse and worse versions: (3, samples) each."""
    from wesep_like import bundle

    path = bundle.path() / "example" / "target.wav"
    target = torch.from_numpy(io.read(path, sample_rate=16000, num_samples=24000).samples)
    noise = torch.randn(3, 24000) * target.std()
    return target.expand(3, -1), target + noise * torch.tensor([[0.03], [0.3], [3.0]])


@pytest.fixture
def gan():
    return MetricGAN(MetricGANOptions(), 16000)


def test_who_learns_from_what(gan, speech):
    target, estimate = speech[0], speech[1].clone().requires_grad_()
    gan.estimate_loss(estimate, target).backward()
    assert (estimate.grad != 0).any()
    assert all(parameter.grad is None for parameter in gan.parameters())
    estimate.grad = None
    gan.discriminator_loss(estimate, speech[1], target).backward()
    assert estimate.grad is None
    for name, parameter in gan.named_parameters():
        # The largest of what a PReLU lets through is seldom negative.
        if name != "discriminator.layers.11.weight":
            assert (parameter.grad != 0).any(), name


def test_the_level_of_an_estimate_does_not_matter(gan, speech):
    target, estimate = speech
    gan.eval()
    loss = gan.estimate_loss(estimate, target)
    torch.testing.assert_close(gan.estimate_loss(0.1 * estimate, target), loss)


def test_it_learns_pesq(gan, speech):
    target, estimate = speech
    expected = torch.tensor(
        [(pesq(e, t, 16000) + 0.5) / 5 for e, t in zip(estimate, target, strict=True)]
    )
    assert expected[0] - expected[2] > 0.3
    optimizer = torch.optim.Adam(gan.parameters(), 1e-3)
    quality = gan._quality(estimate, target)
    torch.testing.assert_close(quality, expected)
    gan._quality = lambda signals, _: quality  # what it is, is not measured again
    for _ in range(60):
        optimizer.zero_grad()
        gan.discriminator_loss(estimate, estimate, target).backward()
        optimizer.step()
    gan.eval()
    with torch.no_grad():
        found = gan.discriminator(target, estimate)
    assert found[0] > found[1] > found[2]
    assert (found - expected).abs().mean() < 0.2  # more than 0.4 at first


def test_what_pesq_has_no_value_for_is_left_out(gan, speech):
    target, estimate = speech[0].clone(), speech[1]
    target[0] = 0
    assert gan._quality(estimate, target).isnan().tolist() == [True, False, False]
    assert gan.discriminator_loss(estimate, estimate, target).isfinite()


def test_options_that_cannot_be():
    with pytest.raises(ConfigError, match="weight: expected more than 0, got -1"):
        MetricGANOptions(weight=-1)
