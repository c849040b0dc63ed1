from types import SimpleNamespace

import lightning
import pytest
import torch
from torch import nn

from wesep_like.training.weight_average import WeightAverage


class Task(lightning.LightningModule):
    """A model with what is learnt, what is frozen, statistics, a counter and bytes."""

    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1), nn.BatchNorm1d(1))
        self.model[1].requires_grad_(False)
        self.model.register_buffer("graph", torch.tensor([255, 7], dtype=torch.uint8))
        self.head = nn.Linear(1, 1)


@pytest.fixture
def task():
    return Task()


def step(task, average, number):
    """Moves the weights as an optimiser would."""
    with torch.no_grad():
        task.model[0].weight.fill_(number)
        task.model[2].running_mean.fill_(-number)
        task.model[2].num_batches_tracked.fill_(number)
    average.on_train_batch_end(SimpleNamespace(global_step=number), task)


def test_the_average_forgets_slowly_and_at_first_soon(task):
    average = WeightAverage(0.2)
    expected = task.model[0].weight.item()
    average.on_train_start(SimpleNamespace(global_step=0), task)
    for number, decay in enumerate((1 / 10, 2 / 11, 0.2, 0.2), start=1):
        for _ in range(2):  # of two batches for a step the first is none
            step(task, average, number)
        expected = decay * expected + (1 - decay) * number
        assert average.weights(task.model)["0.weight"].item() == pytest.approx(expected)
    assert average.weights(task.model)["2.running_mean"].item() < -3
    assert average.weights(task.model)["2.num_batches_tracked"] == 4
    assert task.model[0].weight.item() == 4


def test_what_is_frozen_and_what_is_no_number_stays_to_the_last_bit(task):
    average = WeightAverage(0.9)
    before = {key: value.clone() for key, value in task.model.state_dict().items()}
    average.on_train_start(SimpleNamespace(global_step=0), task)
    for number in range(1, 30):
        step(task, average, number)
    after = average.weights(task.model)
    assert after.keys() == before.keys()
    for key in ("1.weight", "1.bias", "graph", "2.running_var", "0.bias"):
        assert torch.equal(after[key], before[key])
    # Frozen weights take no room in a checkpoint.
    assert "1.weight" not in average.state_dict()["averages"]


def test_validation_sees_the_average_and_training_goes_on_without(task):
    average = WeightAverage(0.9)
    average.on_train_start(SimpleNamespace(global_step=0), task)
    for number in range(1, 5):
        step(task, average, number)
    weight, averages = task.model[0].weight, average.weights(task.model)
    average.on_validation_epoch_start(None, task)
    assert weight.item() == averages["0.weight"].item() < 4
    assert torch.equal(average.weights(task.model)["0.weight"], averages["0.weight"])
    average.on_validation_epoch_end(None, task)
    assert weight.item() == 4
    assert task.model[0].weight is weight  # the optimiser's own
