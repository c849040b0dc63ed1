import pytest
import torch

from wesep_like.errors import ConfigError, ShapeError
from wesep_like.losses import LOSSES, NegSISDRLoss, NegSNRLoss
from wesep_like.metrics.sdr import si_sdr


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_it_is_the_metric_negated():
    target = noise(3, 1603)
    estimate = 0.2 * target + torch.tensor([[0.01], [0.1], [1.0]]) * noise(3, 1603, seed=1) + 0.3
    loss = LOSSES.build({"name": "neg_si_sdr"}, "losses.waveform[0]")
    torch.testing.assert_close(loss(estimate, target), -si_sdr(estimate, target))
    loss = LOSSES.build({"name": "neg_si_sdr", "zero_mean": False}, "losses.waveform[0]")
    torch.testing.assert_close(loss(estimate, target), -si_sdr(estimate, target, zero_mean=False))


def test_the_soft_limit_is_the_published_form():
    target = noise(1, 1603).double()
    orthogonal = noise(1, 1603, seed=1).double()
    target = target - target.mean()
    orthogonal = orthogonal - orthogonal.mean()
    orthogonal = orthogonal - (orthogonal * target).sum() / target.square().sum() * target
    estimate = target + 0.01 * orthogonal
    signal, distortion = target.square().sum(), (0.01 * orthogonal).square().sum()
    expected = -10 * torch.log10(signal / (distortion + 10 ** (-30 / 10) * signal))
    loss = NegSISDRLoss(soft_limit_db=30)
    assert loss(estimate, target).item() == pytest.approx(expected.item(), abs=1e-3)
    assert loss(target, target).item() == pytest.approx(-30, abs=1e-3)


def test_a_soft_limit_leaves_the_gradient_to_hard_items():
    target = noise(2, 1603)
    noises = torch.tensor([[0.01], [1.0]]) * noise(2, 1603, seed=1)
    shares = []
    for limit in (None, 20.0):
        estimate = (target + noises).requires_grad_()
        NegSISDRLoss(soft_limit_db=limit)(estimate, target).sum().backward()
        easy, hard = estimate.grad.norm(dim=-1).tolist()
        shares.append(easy / hard)
    assert shares[1] < 0.05 * shares[0]


@pytest.mark.parametrize("soft_limit_db", [None, 30.0])
@pytest.mark.parametrize("target_level", [0.0, 1e-30, 1e-6, 1.0])
@pytest.mark.parametrize("estimate_level", [0.0, 1e-30, 1e-6, 1.0])
@pytest.mark.parametrize("same", [False, True])
def test_loss_and_gradient_are_finite_in_silence(soft_limit_db, target_level, estimate_level, same):
    target = target_level * noise(2, 1603)
    estimate = (estimate_level * noise(2, 1603, seed=0 if same else 1)).requires_grad_()
    loss = NegSISDRLoss(soft_limit_db=soft_limit_db)(estimate, target)
    loss.sum().backward()
    assert loss.isfinite().all()
    assert (loss.abs() <= 80.1).all()
    assert estimate.grad.isfinite().all()


def test_one_silent_target_leaves_its_neighbours_as_they_are():
    target = noise(3, 1603)
    estimate = target + noise(3, 1603, seed=1)
    loss = NegSISDRLoss()
    alone = loss(estimate[:1], target[:1])
    target[1] = 0
    torch.testing.assert_close(loss(estimate, target)[:1], alone)
    assert loss(estimate, target)[1].item() == pytest.approx(80)


def test_half_precision_is_computed_in_single():
    target = noise(2, 16000)
    estimate = target + 0.1 * noise(2, 16000, seed=1)
    values = NegSISDRLoss()(estimate.bfloat16(), target)
    assert values.dtype == torch.float32
    torch.testing.assert_close(values, NegSISDRLoss()(estimate, target), atol=0.05, rtol=0)


def test_snr_is_of_the_level_too():
    target = noise(2, 1603)
    other = 0.1 * target.norm(dim=-1, keepdim=True) * torch.nn.functional.normalize(
        noise(2, 1603, seed=1)
    )  # fmt: skip
    loss = LOSSES.build({"name": "neg_snr", "soft_limit_db": 60.0}, "losses.waveform[0]")
    torch.testing.assert_close(
        loss(target + other, target), torch.full((2,), -20.0), atol=0.01, rtol=0
    )
    torch.testing.assert_close(
        loss(0.5 * target, target), torch.full((2,), -6.02), atol=0.01, rtol=0
    )
    assert NegSNRLoss()(target, target).tolist() == pytest.approx([-30, -30])


@pytest.mark.parametrize("target_level", [0.0, 1e-6, 1.0])
@pytest.mark.parametrize("estimate_level", [0.0, 1e-6, 1.0])
def test_snr_and_its_gradient_are_finite_in_silence(target_level, estimate_level):
    estimate = (estimate_level * noise(2, 1603, seed=1)).requires_grad_()
    loss = NegSNRLoss()(estimate, target_level * noise(2, 1603))
    loss.sum().backward()
    assert loss.isfinite().all()
    assert estimate.grad.isfinite().all()


def test_messages():
    with pytest.raises(ShapeError, match=r"estimate: shape \(2, 9\) is not target's \(2, 10\)"):
        NegSISDRLoss()(torch.ones(2, 9), torch.ones(2, 10))
    with pytest.raises(ConfigError, match="soft_limit_db: -30 dB. A limit lies between 0 and 80"):
        NegSISDRLoss(soft_limit_db=-30)
    with pytest.raises(ConfigError, match="soft_limit_db: 90 dB. A limit lies between 0 and 80"):
        NegSNRLoss(soft_limit_db=90)
