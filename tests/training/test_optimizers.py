import itertools

import pytest
import torch
from torch import nn

from wesep_like.errors import ConfigError
from wesep_like.training.optimizers import OptimizerOptions, ScheduleOptions, learning_rate


def rates(num_steps, **schedule):
    """The learning rate that each step uses."""
    optimizer = OptimizerOptions(learning_rate=0.1).build([nn.Parameter(torch.zeros(1))])
    scheduler = ScheduleOptions(**schedule).build(optimizer, num_steps)
    found = []
    for _ in range(num_steps):
        found.append(learning_rate(optimizer))
        optimizer.step()
        scheduler.step()
    return found


def test_warm_up_is_a_straight_line_from_above_zero():
    found = rates(8, name="constant", warmup_steps=4)
    assert found == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1, 0.1, 0.1, 0.1])


def test_exponential_decay_has_one_ratio_and_nears_its_end():
    found = rates(100, name="exponential", warmup_steps=10, final_learning_rate=0.001)
    ratios = {round(later / sooner, 9) for sooner, later in itertools.pairwise(found[10:])}
    assert found[10] == pytest.approx(0.1)
    assert len(ratios) == 1
    assert found[-1] == pytest.approx(0.001, rel=0.06)


def test_cosine_decay_is_halfway_at_half_time():
    found = rates(100, name="cosine", final_learning_rate=0.02)
    assert found[0] == pytest.approx(0.1)
    assert found[50] == pytest.approx(0.06)
    assert found[-1] == pytest.approx(0.02, rel=0.01)


def test_a_plateau_is_left_by_a_factor_and_never_below_the_lowest_rate():
    weights = [nn.Parameter(torch.zeros(1)) for _ in range(2)]
    groups = [{"params": weights[:1]}, {"params": weights[1:], "lr": 0.01}]
    optimizer = OptimizerOptions(learning_rate=0.1).build(groups)
    schedule = ScheduleOptions("plateau").build(optimizer, 10)
    falls = []
    for _ in range(40):
        optimizer.step()
        schedule.step()
        falls.append(schedule.observe(1.0))
    # The first is the best so far; then each third of those that are not better counts.
    assert [number for number, falls_now in enumerate(falls) if falls_now] == [3, 6, 9, 12, 15, 18]
    assert learning_rate(optimizer) == pytest.approx(0.1 / 40)
    assert optimizer.param_groups[1]["lr"] == pytest.approx(0.01 / 40)


@pytest.mark.parametrize("name", ["exponential", "cosine", "plateau"])
def test_a_rate_does_not_rise_to_its_end(name):
    assert rates(3, name=name, final_learning_rate=0.1) == pytest.approx([0.1] * 3)
    message = r"^schedule\.final_learning_rate: expected at most optimizer\.learning_rate, which"
    with pytest.raises(ConfigError, match=message):
        rates(3, name=name, final_learning_rate=0.2)


def test_adamw_decays_weights_and_adam_takes_its_options():
    weight = nn.Parameter(torch.ones(1))
    optimizer = OptimizerOptions("adamw", 0.1, weight_decay=0.5).build([weight])
    weight.grad = torch.zeros(1)
    optimizer.step()
    assert weight.item() == pytest.approx(0.95)
    adam = OptimizerOptions("adam", 0.2, betas=(0.8, 0.9)).build([weight])
    assert adam.defaults["lr"] == 0.2
    assert adam.defaults["betas"] == (0.8, 0.9)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (
            OptimizerOptions,
            {"learning_rate": 0.0},
            r"^learning_rate: expected more than 0",
        ),
        (
            OptimizerOptions,
            {"learning_rates": {"speaker": "slow"}},
            r"^learning_rates\.speaker: expected a number above 0, got 'slow'",
        ),
        (OptimizerOptions, {"weight_decay": -1.0}, r"^weight_decay: expected at least 0"),
        (ScheduleOptions, {"warmup_steps": -1}, r"^warmup_steps: expected at least 0"),
        (
            ScheduleOptions,
            {"final_learning_rate": 0.0},
            r"^final_learning_rate: expected more",
        ),
        (
            ScheduleOptions,
            {"name": "constant", "final_learning_rate": 0.1},
            r"^final_learning_rate: 'constant' does not decay\. Remove it",
        ),
        (
            ScheduleOptions,
            {"patience": 2},
            r"^patience: 'exponential' does not look at validations, only 'plateau' does\. Remove",
        ),
        (
            ScheduleOptions,
            {"name": "cosine", "factor": 0.5},
            r"^factor: 'cosine' does not look at validations, only 'plateau' does\. Remove it",
        ),
        (ScheduleOptions, {"name": "plateau", "patience": 0}, r"^patience: expected at least 1"),
        (
            ScheduleOptions,
            {"name": "plateau", "factor": 1.0},
            r"^factor: expected more than 0 and less than 1, got 1\.0",
        ),
    ],
)
def test_wrong_options_say_what_would_be_right(kind, options, message):
    with pytest.raises(ConfigError, match=message):
        kind(**options)


def test_sgd_has_momentum_and_looks_ahead():
    weight = nn.Parameter(torch.zeros(1))
    options = OptimizerOptions(name="sgd", learning_rate=0.1, weight_decay=1e-4)
    found = options.build([weight])
    assert isinstance(found, torch.optim.SGD)
    wanted = {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-4}
    assert {name: found.param_groups[0][name] for name in wanted} == wanted
    plain = OptimizerOptions(name="sgd", momentum=0.0).build([weight]).param_groups[0]
    assert (plain["momentum"], plain["nesterov"]) == (0.0, False)


def test_what_sgd_and_the_others_cannot_be_told():
    with pytest.raises(ConfigError) as caught:
        OptimizerOptions(name="adam", momentum=0.9, nesterov=True)
    assert caught.value.problems == (
        "momentum: 'adam' has none, only 'sgd' does. Remove it",
        "nesterov: 'adam' has none, only 'sgd' does. Remove it",
    )
    with pytest.raises(ConfigError, match="momentum: expected at least 0 and below 1, got 1.0"):
        OptimizerOptions(name="sgd", momentum=1.0)
    with pytest.raises(ConfigError, match="nesterov: there is no momentum to look ahead with"):
        OptimizerOptions(name="sgd", momentum=0.0, nesterov=True)
    with pytest.raises(ConfigError, match="betas: 'sgd' has none. Remove it"):
        OptimizerOptions(name="sgd", betas=(0.9, 0.98))
