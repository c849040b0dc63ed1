import math

import pytest
import torch

from wesep_like.data.rooms.decay import direct_to_reverberant_db, rt60_seconds

RATE = 8000


def decaying(rt60, seconds):
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(round(seconds * RATE), generator=generator)
    return noise * 10 ** (-3 * torch.arange(len(noise)) / (rt60 * RATE))


@pytest.mark.parametrize("range_db", [20.0, 30.0])
@pytest.mark.parametrize("rt60", [0.2, 0.6])
def test_the_slope_of_the_decay_is_found(rt60, range_db):
    found = rt60_seconds(decaying(rt60, rt60), RATE, range_db=range_db)
    assert found == pytest.approx(rt60, rel=0.05)


def test_a_response_that_does_not_fall_far_has_no_rt60():
    assert math.isnan(rt60_seconds(torch.tensor([1.0, 1.0, 1.0]), RATE))
    assert math.isnan(rt60_seconds(torch.tensor([1.0]), RATE))


def test_direct_sound_is_what_comes_within_a_few_milliseconds():
    response = torch.zeros(1000)
    response[[90, 100, 120]] = torch.tensor([0.6, 2.0, 0.8])  # 20 samples are 2.5 ms
    response[[121, 900]] = torch.tensor([0.3, -0.4])
    found = direct_to_reverberant_db(response, RATE, 100)
    assert found == pytest.approx(10 * math.log10(5 / 0.25), abs=1e-4)
