import math
from dataclasses import replace

import pytest
import torch

from wesep_like.data.rooms.acoustics import SPEED_OF_SOUND
from wesep_like.data.rooms.decay import direct_to_reverberant_db, rt60_seconds
from wesep_like.data.rooms.random_responses import (
    DIRECT_TAP,
    _placed,
    gather_rooms,
    random_responses,
)
from wesep_like.data.tensors import map_tensors

RATE = 16000
SIZES = [(3.0, 3.0, 2.5), (6.0, 4.0, 3.0), (10.0, 6.0, 4.0), (5.0, 5.0, 3.0)]
RT60S = [0.7, 0.3, 0.5, 0.12]
DISTANCES = [(0.3, 1.5), (2.0, 1.0, 0.4), (4.0,), (1.0, 2.0)]
SEEDS = [0, 1, 2**32 - 1, 12345]


def gathered(which=range(4)):
    columns = ([column[i] for i in which] for column in (SIZES, RT60S, DISTANCES, SEEDS))
    return gather_rooms(*columns, RATE)


def test_the_direct_path_is_one_and_comes_first():
    responses = random_responses(gathered(), RATE)
    assert responses.shape == (4, 3, round(0.7 * RATE) + 16)
    assert responses.isfinite().all()
    # Images that are near in time reach a little over to it.
    assert (responses[..., DIRECT_TAP] - 1).abs().max() < 0.1
    assert responses[..., :DIRECT_TAP].abs().max() < 0.1
    assert responses.abs().amax(-1).argmax() == responses[..., DIRECT_TAP].argmax()


@pytest.mark.parametrize("rt60", [0.1, 0.25, 0.7])
def test_rt60_is_as_asked(rt60):
    num = 20
    rooms = gather_rooms([(6.0, 4.0, 3.0)] * num, [rt60] * num, [[1.5]] * num, range(num), RATE)
    found = [rt60_seconds(one[0], RATE) for one in random_responses(rooms, RATE)]
    assert sum(found) / num == pytest.approx(rt60, rel=0.04)
    assert all(abs(one / rt60 - 1) < 0.2 for one in found)


def test_direct_over_reverberant_sound_is_that_of_the_room():
    num, size, rt60 = 40, (6.0, 4.0, 3.0), 0.4
    rooms = gather_rooms([size] * num, [rt60] * num, [[0.5, 1.0]] * num, range(num), RATE)
    responses = random_responses(rooms, RATE)
    near, far = (
        sum(direct_to_reverberant_db(one[source], RATE, DIRECT_TAP) for one in responses) / num
        for source in range(2)
    )
    # One image a volume of the room, the source the first, all fading by 60 dB in RT60.
    volume, fading = 72.0, 6 * math.log(10) / (SPEED_OF_SOUND * rt60)
    gap = (3 * volume / (4 * math.pi)) ** (1 / 3)
    reverberant = 4 * math.pi / volume * math.exp(-fading * gap) / fading
    assert far == pytest.approx(-10 * math.log10(reverberant), abs=0.6)
    assert near - far == pytest.approx(20 * math.log10(2), abs=0.6)


def test_a_room_does_not_depend_on_its_batch():
    together = random_responses(gathered(), RATE)
    for number in range(4):
        (alone,) = random_responses(gathered([number]), RATE)
        num_sources, taps = alone.shape
        torch.testing.assert_close(together[number, :num_sources, :taps], alone, rtol=0, atol=1e-6)
        assert not together[number, :, taps:].any()


def test_the_same_seed_gives_the_same_room_and_another_one_another():
    rooms = gathered()
    first = random_responses(rooms, RATE)
    assert torch.equal(first, random_responses(rooms, RATE))
    others = random_responses(replace(rooms, seed=rooms.seed.flip(0)), RATE)
    change = (others - first).square().sum(-1)
    assert (change > 0.01 * first[..., DIRECT_TAP + 1 :].square().sum(-1)).all()


def test_sources_in_one_room_hear_different_images():
    rooms = gather_rooms([SIZES[1]], [0.3], [[1.0, 1.0]], [5], RATE)
    one, other = random_responses(rooms, RATE)[0, :, DIRECT_TAP + 1 :]
    assert torch.cosine_similarity(one, other, dim=0).abs() < 0.3


def test_there_is_no_constant_in_a_response():
    responses = random_responses(gathered(), RATE)
    spectrum = torch.fft.rfft(responses[..., DIRECT_TAP + 1 :], 2 * RATE).abs().square()  # 0.5 Hz
    assert (spectrum[..., :40].mean(-1) < 0.1 * spectrum[..., 400:4000].mean(-1)).all()


def test_an_image_may_lie_between_samples():
    delay = 20.3
    (placed,) = _placed(torch.tensor([[delay]]), torch.tensor([[0.5]]), 64)
    spectrum = torch.fft.rfft(placed.double(), 64)[:25]  # up to 6.25 kHz
    turns = torch.arange(25) / 64 * (DIRECT_TAP + delay)
    expected = 0.5 * torch.polar(torch.ones(25).double(), -2 * math.pi * turns.double())
    assert (spectrum - expected).abs().max() < 0.01


def test_far_away_in_a_flat_room():
    # Farther than the distance from which on images come evenly.
    rooms = gather_rooms([(40.0, 2.0, 2.2)], [0.3], [[35.0]], [1], RATE)
    response = random_responses(rooms, RATE)[0, 0]
    assert response.isfinite().all()
    assert rt60_seconds(response, RATE) == pytest.approx(0.3, rel=0.1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_computes_the_same():
    rooms = gathered()
    on_gpu = random_responses(map_tensors(rooms, lambda tensor: tensor.cuda()), RATE)
    torch.testing.assert_close(on_gpu.cpu(), random_responses(rooms, RATE), rtol=0, atol=1e-5)
