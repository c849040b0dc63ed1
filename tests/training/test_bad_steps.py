"""A step that is not finite leaves nothing behind but a count and a warning."""

import csv
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from wesep_like import experiment
from wesep_like.cli.app import run
from wesep_like.errors import ConfigError, TrainingError
from wesep_like.tasks.extraction import ExtractionTask
from wesep_like.training import engine

ROOT = Path(experiment.__file__).parents[2]


@pytest.fixture
def spoil(monkeypatch):
    """Makes example `number` not a number; its audio, or only what is said of its loss."""
    render, losses = ExtractionTask.on_after_batch_transfer, ExtractionTask.training_losses

    def plant(number, what="audio"):
        def spoilt(task, clips, index):
            batch = render(task, clips, index)
            if number not in batch.ids or what != "audio":
                return batch
            nan = math.nan
            return replace(batch, mixture=batch.mixture * nan, enrollment=batch.enrollment * nan)

        def said(task, batch):
            terms = dict(losses(task, batch))
            if number in batch.ids and what == "loss":
                terms["loss"] = terms["loss"] + math.inf  # a constant has no gradient
            return terms

        monkeypatch.setattr(ExtractionTask, "on_after_batch_transfer", spoilt)
        monkeypatch.setattr(ExtractionTask, "training_losses", said)

    return plant


def state_of(folder):
    """What must not move: weights, statistics, the optimiser's memory, the schedule, averages."""
    state = torch.load(folder / "checkpoints/last.ckpt", weights_only=True)
    averages = state["callbacks"].get("WeightAverage")
    parts = (state["state_dict"], state["optimizer_states"], state["lr_schedulers"], averages)
    return state["global_step"], parts


def rows_of(folder):
    with (folder / "metrics.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["train/loss"]]


# The second step has examples 2 and 3; of two batches a step, the third and fourth batch.
@pytest.mark.parametrize(
    ("what", "overrides", "number"),
    [
        ("audio", [], "2"),
        ("loss", ["trainer.ema_decay=0.9"], "2"),
        ("audio", ["trainer.clip_grad_norm=null"], "3"),
        ("audio", ["trainer.accumulate_batches=2"], "4"),
        ("audio", ["trainer.precision=bf16"], "2"),
    ],
)
def test_a_bad_step_changes_nothing(write_experiment, tmp_path, spoil, what, overrides, number):
    # A speaker module that learns: audio of NaN would get into the statistics of BatchNorm.
    path = write_experiment(freeze=[], trainer={"validate_every": 9, "save_every": 1})
    experiment.train(path, [*overrides, "trainer.num_steps=1"], tmp_path / "one")
    spoil(number, what)
    experiment.train(path, [*overrides, "trainer.num_steps=2"], tmp_path / "two")
    (step, once), (next_step, after) = state_of(tmp_path / "one"), state_of(tmp_path / "two")
    assert (step, next_step) == (1, 2)
    # num_steps, which differs, is no part of the schedule's state.
    torch.testing.assert_close(after, once, rtol=0, atol=0)
    assert [row["train/bad_steps"] for row in rows_of(tmp_path / "two")] == ["0", "1"]


def test_a_run_goes_on_after_a_bad_step_and_tells_of_it(write_experiment, tmp_path, spoil):
    path, folder = write_experiment(trainer={"validate_every": 9}), tmp_path / "exp"
    spoil("3")
    experiment.train(path, [], folder)
    rows = rows_of(folder)
    assert [row["train/bad_steps"] for row in rows] == ["0", "1", "1", "1"]
    assert [math.isfinite(float(row["train/loss"])) for row in rows] == [True, False, True, True]
    rates = [row["learning_rate"] for row in rows]
    assert rates[1] == rates[2]  # the schedule has waited
    assert rates[0] < rates[1] < rates[3]
    log = (folder / "train.log").read_text()
    assert "WARNING step 2 left out: loss and gradient not finite, examples 2, 3\n" in log
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    assert [event.value for event in events.Scalars("train/bad_steps")] == [0, 1, 1, 1]


def test_too_many_end_the_run_which_can_be_resumed(write_experiment, tmp_path, monkeypatch, capsys):
    path, folder = write_experiment(), tmp_path / "exp"
    trainer = ["trainer.save_every=1", "trainer.max_bad_steps=2", "trainer.validate_every=9"]
    losses = ExtractionTask.training_losses

    def worse(task, batch):
        terms = losses(task, batch)
        bad = task.trainer.global_step >= 1
        return {**terms, "loss": terms["loss"] * math.nan} if bad else terms

    with monkeypatch.context() as patch:
        patch.setattr(ExtractionTask, "training_losses", worse)
        code = run(["train", str(path), *trainer, "--output", str(folder), "--device", "cpu"])
    error = capsys.readouterr().err.splitlines()[-1]
    assert code == 2
    assert error.startswith("error: step 3: 2 steps in a row were left out, as loss and gradient w")
    assert "Resume with trainer.precision=fp32" in error
    step, (weights, *_) = state_of(folder)
    assert step == 2
    assert all(value.isfinite().all() for value in weights.values())
    experiment.train(path, trainer, folder, resume=True)
    assert state_of(folder)[0] == 4
    assert [row["train/bad_steps"] for row in rows_of(folder)] == ["0", "1", "1", "1"]


def test_bad_steps_in_a_row_are_counted_across_a_resume(write_experiment, tmp_path, monkeypatch):
    path, folder = write_experiment(trainer={"validate_every": 9, "save_every": 1}), tmp_path / "e"
    losses = ExtractionTask.training_losses
    monkeypatch.setattr(
        ExtractionTask,
        "training_losses",
        lambda task, batch: {"loss": losses(task, batch)["loss"] * math.nan},
    )
    limit = "trainer.max_bad_steps=3"
    experiment.train(path, [limit, "trainer.num_steps=2"], folder)
    with pytest.raises(TrainingError, match=r"step 3: 3 steps in a row were left out, as loss and"):
        experiment.train(path, [limit], folder, resume=True)


def test_the_discriminator_s_gradient_counts_too(write_experiment, tmp_path, monkeypatch):
    path = write_experiment(metric_gan={"weight": 0.1}, trainer={"validate_every": 9})
    monkeypatch.setattr(
        "wesep_like.tasks.metric_gan.MetricGAN._quality", lambda gan, x, _: torch.full((len(x),), 0)
    )
    experiment.train(path, ["trainer.num_steps=1", "trainer.save_every=1"], tmp_path / "one")

    def poison(task):  # after the backward pass, so that the loss is finite
        if task.trainer.global_step == 1:
            task.metric_gan.discriminator.slope.grad.fill_(math.inf)

    monkeypatch.setattr(ExtractionTask, "on_after_backward", poison)
    experiment.train(path, ["trainer.num_steps=2", "trainer.save_every=1"], tmp_path / "two")
    (_, once), (_, after) = state_of(tmp_path / "one"), state_of(tmp_path / "two")
    torch.testing.assert_close(after[1:], once[1:], rtol=0, atol=0)
    moved = {key for key in once[0] if not torch.equal(once[0][key], after[0][key])}
    assert all("parametrizations" in key and key[-3:] in ("._u", "._v") for key in moved)
    assert "step 2 left out: gradient not finite" in (tmp_path / "two/train.log").read_text()


def test_fp16_scales_the_loss_and_survives_an_overflow(write_experiment, tmp_path, monkeypatch):
    # Lightning has it on a GPU only, but for this.
    class OnCPU(engine.Trainer):
        def __init__(self, **options):
            options.pop("precision")
            scaler = torch.amp.GradScaler("cpu", init_scale=256.0)
            super().__init__(**options, plugins=[MixedPrecision("16-mixed", "cpu", scaler)])

    monkeypatch.setattr(engine, "Trainer", OnCPU)
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)  # not all know fp16
    path, folder = (
        write_experiment(trainer={"num_steps": 5, "validate_every": 9, "save_every": 5}),
        tmp_path / "exp",
    )
    seen = []
    monkeypatch.setattr(
        ExtractionTask,
        "on_train_batch_end",
        lambda task, *rest: seen.append(
            (task.trainer.precision_plugin.scaler.get_scale(), bool(task.not_finite))
        ),
    )
    losses = ExtractionTask.training_losses

    def huge(task, batch):  # of step 2, the scaled gradient overflows
        terms = losses(task, batch)
        return {**terms, "loss": terms["loss"] * (1e36 if task.trainer.global_step == 1 else 1)}

    monkeypatch.setattr(ExtractionTask, "training_losses", huge)
    experiment.train(path, [], folder)
    assert seen == [(256.0, False), (128.0, True), *[(128.0, False)] * 3]
    log = (folder / "train.log").read_text()
    assert "gradient not finite, examples 2, 3; the loss is scaled by 128 now" in log
    step, (weights, *_) = state_of(folder)
    assert step == 5
    assert all(value.isfinite().all() for value in weights.values())


def test_fp16_is_for_a_gpu(write_experiment, tmp_path):
    with pytest.raises(
        ConfigError, match=r"trainer\.precision: fp16 is for a GPU, and this run is"
    ):
        experiment.train(
            write_experiment(), ["trainer.precision=fp16"], tmp_path / "exp", device="cpu"
        )
    assert not (tmp_path / "exp").exists()


def test_one_process_tells_all(write_experiment, tmp_path, monkeypatch):
    """What another process has found is what this one does."""
    finite = sys.modules["wesep_like.tasks.finite"]
    monkeypatch.setattr(finite.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(finite.distributed, "all_reduce", lambda found, op: found[:1].zero_())
    task = finite.FiniteSteps()
    task.take_note(torch.tensor(1.0), ["7"])
    optimizer = torch.optim.Adam([weight := torch.nn.Parameter(torch.ones(2))])
    weight.grad = torch.ones(2)
    monkeypatch.setattr(task, "clipped_together", lambda: [[weight]])
    task.configure_gradient_clipping(optimizer, 1.0)
    assert task.not_finite == ("loss",)
    assert task.step_ids == ["7"]
    assert weight.grad is None


@pytest.mark.slow
def test_two_processes_leave_out_the_same_step(write_experiment, tmp_path):
    """Only one of them has a loss that is not finite, and its gradients are."""
    path, folder = write_experiment(trainer={"num_steps": 3, "save_every": 3}), tmp_path / "exp"
    code = (
        "import math, sys\n"
        "from wesep_like import experiment\n"
        "from wesep_like.tasks.extraction import ExtractionTask\n"
        "losses = ExtractionTask.training_losses\n"
        "def said(task, batch):\n"
        "    terms = losses(task, batch)\n"
        "    is_bad = '6' in batch.ids\n"  # of the second process, in its second step
        "    return {**terms, 'loss': terms['loss'] + math.inf} if is_bad else terms\n"
        "ExtractionTask.training_losses = said\n"
        "experiment.train(sys.argv[1], ['trainer.validate_every=9'], sys.argv[2], device='cpu')\n"
    )
    (tmp_path / "train.py").write_text(code)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"]
    subprocess.run(
        [*command, str(tmp_path / "train.py"), str(path), str(folder)],
        check=True,
        timeout=600,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )
    assert [row["train/bad_steps"] for row in rows_of(folder)] == ["0", "1", "1"]
    log = (folder / "train.log").read_text()
    assert "step 2 left out: loss not finite, examples 4, 5, 6, 7\n" in log
    weights = state_of(folder)[1][0]
    assert all(value.isfinite().all() for value in weights.values())
