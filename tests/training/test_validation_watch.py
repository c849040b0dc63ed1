"""What follows from validations that get no better."""

import csv

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from wesep_like import experiment
from wesep_like.tasks.extraction import ExtractionTask


@pytest.fixture
def found(monkeypatch):
    """Says what validations find, one after each step: `found([1.0, 2.0])`."""

    def say(values):
        def log(task):
            value = values[task.trainer.global_step - 1]
            task.log("valid/si_sdri", torch.tensor(value))
            task._valid_rows.clear()

        monkeypatch.setattr(ExtractionTask, "on_validation_epoch_end", log)

    return say


def rates_of(folder):
    """The learning rate of each step."""
    with (folder / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["learning_rate"]]
    assert [row["step"] for row in rows] == [str(1 + i) for i in range(len(rows))]
    return [float(row["learning_rate"]) for row in rows]


def test_the_rate_falls_where_validations_get_no_better_also_after_a_resume(
    write_experiment, tmp_path, found
):
    path = write_experiment(
        freeze=[],
        optimizer={"learning_rate": 0.01, "learning_rates": {"speaker": 1e-3}},
        schedule={
            "name": "plateau",
            "warmup_steps": 2,
            "patience": 2,
            "factor": 0.5,
            "final_learning_rate": 0.003,
        },
        trainer={"validate_every": 1, "num_examples": 0},
    )
    # The second is a worse one in the warm-up, the sixth a better one, equal ones are not better.
    found([1.0, 0.5, 0.7, 0.6, 0.6, 1.1, 1.1, 0.9, 0.8, 0.7])
    straight, resumed = tmp_path / "straight", tmp_path / "resumed"
    experiment.train(path, ["trainer.num_steps=10"], straight)
    expected = [0.01 / 3, 0.02 / 3, 0.01, 0.01, 0.005, 0.005, 0.005, 0.005, 0.003, 0.003]
    assert rates_of(straight) == pytest.approx(expected, rel=1e-4)
    log = (straight / "train.log").read_text()
    assert log.count("learning rate 0.005 from now on") == 1
    assert log.count("from now on") == 2  # and then it is as low as may be

    events = EventAccumulator(str(straight / "tensorboard"), {"scalars": 0})
    events.Reload()
    for tag, share in (("lr-Adam/pg1", 1.0), ("lr-Adam/pg2", 0.1)):
        logged = [event.value for event in events.Scalars(tag)]
        assert logged == pytest.approx([share * rate for rate in expected], rel=1e-4)

    for steps in (3, 4, 10):
        experiment.train(path, [f"trainer.num_steps={steps}"], resumed, resume=True)
    assert rates_of(resumed) == rates_of(straight)
    groups = [
        torch.load(folder / "checkpoints/last.ckpt", weights_only=True)["optimizer_states"][0]
        for folder in (straight, resumed)
    ]
    torch.testing.assert_close(groups[0], groups[1], rtol=0, atol=0)


def test_a_run_ends_early_and_is_then_at_its_end(write_experiment, tmp_path, found):
    path, folder = (
        write_experiment(trainer={"validate_every": 1, "num_examples": 0}),
        tmp_path / "e",
    )
    found([1.0, 2.0, 1.5, float("nan"), 2.0, 1.0, 3.0])
    end = ["trainer.num_steps=7", "trainer.stop_after=2"]
    experiment.train(path, end, folder)
    assert len(rates_of(folder)) == 4
    log = (folder / "train.log").read_text()
    assert "step 4: 2 validations in a row were not better than valid/si_sdri 2.000, so the" in log
    assert "done after 4 steps" in log

    experiment.train(path, end, folder, resume=True)
    assert len(rates_of(folder)) == 4
    experiment.train(path, [*end, "trainer.stop_after=4"], folder, resume=True)
    assert len(rates_of(folder)) == 6
    experiment.train(path, ["trainer.num_steps=7"], folder, resume=True)
    assert len(rates_of(folder)) == 7
