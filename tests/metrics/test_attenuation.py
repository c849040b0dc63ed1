import pytest
import torch

from wesep_like.errors import ShapeError, SilentSignalError
from wesep_like.metrics.attenuation import attenuation


def test_it_is_the_energy_of_the_mixture_over_that_of_the_estimate():
    mixture = torch.randn(3, 2, 1603)
    gains = torch.tensor([[1.0, 0.1], [0.01, 2.0], [0.5, 0.0]])
    found = attenuation(gains[..., None] * mixture, mixture)
    expected = torch.tensor([[0.0, 20.0], [40.0, -6.0206], [6.0206, 100.0]])
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)


def test_messages():
    with pytest.raises(SilentSignalError, match="mixture: the signal is silent"):
        attenuation(torch.ones(2, 9), torch.tensor([[1.0] * 9, [0.0] * 9]))
    with pytest.raises(ShapeError, match="estimate: shape"):
        attenuation(torch.ones(9), torch.ones(10))
