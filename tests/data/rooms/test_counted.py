import torch

from wesep_like.data.rooms.counted import uniform


def test_numbers_are_spread_evenly_and_independently():
    rows, columns = torch.arange(200)[:, None], torch.arange(300)
    numbers = uniform(rows, 1, columns)
    assert numbers.shape == (200, 300)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts = torch.histc(numbers, 20, 0, 1)
    assert (counts / 3000 - 1).abs().max() < 0.06
    neighbours = [(numbers[1:], numbers[:-1]), (numbers[:, 1:], numbers[:, :-1])]
    neighbours.append((numbers, uniform(rows, 2, columns)))
    for one, other in neighbours:
        both = torch.stack([one.flatten(), other.flatten()])
        assert torch.corrcoef(both)[0, 1].abs() < 0.015


def test_a_number_depends_on_its_counters_alone():
    all_numbers = uniform(torch.arange(50)[:, None], torch.arange(70))
    some = uniform(torch.tensor([[7], [3]]), torch.arange(20, 30))
    assert torch.equal(some, all_numbers[[7, 3], 20:30])


def test_numbers_stay_what_they_were():
    # Fixed mixtures are files of plans with seeds: other numbers would be other mixtures.
    numbers = uniform(torch.tensor([0, 1, 2**32 - 1]), 7, torch.tensor([0, 5, 2**31]))
    assert (numbers * 2**32).tolist() == [2244999499, 3089665756, 4146709749]
