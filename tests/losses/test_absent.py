import pytest
import torch

from wesep_like.errors import ConfigError
from wesep_like.losses import AbsentTargetLoss


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_it_is_the_published_form():
    estimate, mixture = 0.1 * noise(3, 1603), noise(3, 1603, seed=1)
    energies = estimate.square().sum(-1) + 1e-2 * mixture.square().sum(-1)
    loss = AbsentTargetLoss(eta=0.3, tau=1e-2)(estimate, mixture)
    torch.testing.assert_close(loss, 0.3 * 10 * torch.log10(energies))


def test_silence_is_best_and_quiet_enough_is_nearly_as_good():
    mixture = noise(1, 1603)
    values = [AbsentTargetLoss()(gain * mixture, mixture).item() for gain in (0, 0.003, 0.1, 1)]
    assert values == sorted(values)
    assert values[1] - values[0] < 0.1
    assert values[3] - values[0] == pytest.approx(30, abs=0.1)


@pytest.mark.parametrize("level", [0.0, 1e-6, 1.0])
@pytest.mark.parametrize("of_mixture", [0.0, 1.0])
def test_loss_and_gradient_are_finite_in_silence(level, of_mixture):
    estimate = (level * noise(2, 1603)).requires_grad_()
    loss = AbsentTargetLoss()(estimate, of_mixture * noise(2, 1603, seed=1))
    loss.sum().backward()
    assert loss.isfinite().all()
    assert estimate.grad.isfinite().all()


def test_options_that_cannot_be():
    with pytest.raises(ConfigError) as raised:
        AbsentTargetLoss(eta=-1.0, tau=1.0)
    assert raised.value.problems == (
        "eta: expected more than 0, got -1.0",
        "tau: expected more than 0 and less than 1, got 1.0",
    )
