"""Two processes, as `torchrun` starts them, beside one with twice the batch."""

import contextlib
import csv
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from wesep_like import experiment
from wesep_like.data.simulation.plans import read_plans, write_plans
from wesep_like.errors import AudioError, ConfigError, ManifestError, OutputError, RunEndedError
from wesep_like.experiment.extraction.sections import ValidOptions
from wesep_like.tasks.extraction import ExtractionTask
from wesep_like.training import processes

TIMEOUT = 300

# `wesep-like train`, in steps slow enough to be caught between them; one process may meet an error.
RUN = """
import os, pathlib, sys, time
from wesep_like.cli import app
from wesep_like.errors import AudioError
from wesep_like.tasks.extraction import ExtractionTask

folder, seconds, failing_rank, *arguments = sys.argv[1:]
step = ExtractionTask.training_step

def slowly(task, batch, index):
    time.sleep(float(seconds))
    if os.environ["RANK"] == failing_rank and task.trainer.global_step == 2:
        raise AudioError("a.wav: broken")
    return step(task, batch, index)

ExtractionTask.training_step = slowly
pathlib.Path(folder, "pid" + os.environ["RANK"]).write_text(str(os.getpid()))
sys.exit(app.run(["train", *arguments]))
"""


@pytest.fixture
def start(tmp_path):
    """Starts two processes; `start(config, folder, "key=value", ..., seconds=0.1)`."""
    (tmp_path / "run.py").write_text(RUN)
    started = []

    def start(config, output, *arguments, seconds=0.0, failing_rank=None):
        launch = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        launch += ["--nproc-per-node", "2", str(tmp_path / "run.py")]
        told = [tmp_path, seconds, failing_rank, config, "--output", output, "--device", "cpu"]
        root = os.path.dirname(os.path.dirname(experiment.__path__[0]))
        run = subprocess.Popen(
            [*launch, *map(str, told), *arguments],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": root},
        )
        started.append(run)
        return run

    yield start
    # Those that torchrun starts are in sessions of their own.
    for path in tmp_path.glob("pid*"):
        with contextlib.suppress(OSError):
            pid = int(path.read_text())
            if str(tmp_path) in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(pid, signal.SIGKILL)
    for run in started:
        run.kill()
        run.wait()
        run.stderr.close()


def last_weights(folder):
    state = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    return state["global_step"], state["state_dict"]


def read_metrics(folder):
    with (folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def errors(text):
    return [line for line in text.splitlines() if line.startswith("error: ")]


def assert_close_runs(one, other):
    rows, others = read_metrics(one), read_metrics(other)
    assert [row["step"] for row in rows] == [row["step"] for row in others]
    for row, its in zip(rows, others, strict=True):
        assert row.keys() == its.keys()
        numbers = {name: float(value) for name, value in row.items() if value}
        assert numbers == pytest.approx({name: float(its[name]) for name in numbers}, rel=1e-3)
    (step, weights), (its_step, its_weights) = last_weights(one), last_weights(other)
    assert step == its_step
    torch.testing.assert_close(weights, its_weights, rtol=1e-3, atol=1e-4)


def test_two_processes_are_one_with_twice_the_batch(write_experiment, hums, start, tmp_path):
    # Of three mixtures the second is another process's, which alone has an absent target.
    plans = read_plans(hums / "valid.jsonl")
    write_plans(tmp_path / "v.jsonl", [plans[0], replace(plans[1], has_target=False), plans[2]])
    path = write_experiment()
    told = (
        f"data.valid.mixtures={tmp_path / 'v.jsonl'}",
        "data.train.absent_probability=0.5",
        "trainer.accumulate_batches=2",
    )
    run = start(path, tmp_path / "two", *told, "trainer.num_workers=1")
    experiment.train(path, [*told, "trainer.batch_size=4"], tmp_path / "one", device="cpu")
    said = run.communicate(timeout=TIMEOUT)[1]
    assert run.returncode == 0, said
    assert_close_runs(tmp_path / "one", tmp_path / "two")
    assert {"train/absent", "valid/attenuation_db"} <= read_metrics(tmp_path / "two")[0].keys()
    # What is said is said once, and no warning among it.
    assert said.count("step 2 of 4: ") == 1
    assert said.count("done after 4 steps") == 1
    assert "warning" not in said.lower()


@pytest.mark.parametrize("rank", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_killed_process_ends_the_other_and_the_run_resumes(
    write_experiment, start, tmp_path, rank
):
    path = write_experiment(trainer={"num_steps": 8, "save_every": 3})
    run = start(path, tmp_path / "two", seconds=0.4)
    checkpoint, deadline = tmp_path / "two/checkpoints/last.ckpt", time.monotonic() + TIMEOUT
    while not checkpoint.is_file():
        assert run.poll() is None, run.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pids = [int((tmp_path / f"pid{rank}").read_text()) for rank in range(2)]
    os.kill(pids[rank], signal.SIGKILL)
    said = run.communicate(timeout=TIMEOUT)[1]
    assert run.returncode != 0
    assert not any(map(is_alive, pids))
    (line,) = errors(said)
    assert re.search(
        r"two: the run was broken off after step \d, as it or one of its processes was ended from "
        r"outside\. Go on with --resume$",
        line,
    )
    assert f"[rank{1 - rank}]: Traceback" not in said
    assert last_weights(tmp_path / "two")[0] < 8
    if rank == 0:
        return

    run = start(path, tmp_path / "two", "--resume")
    experiment.train(path, ["trainer.batch_size=4"], tmp_path / "one", device="cpu")
    said = run.communicate(timeout=TIMEOUT)[1]
    assert run.returncode == 0, said
    assert_close_runs(tmp_path / "one", tmp_path / "two")


@pytest.mark.slow
def test_an_error_of_one_process_is_told_once_and_ends_the_other(write_experiment, start, tmp_path):
    run = start(write_experiment(), tmp_path / "two", failing_rank=1)
    said = run.communicate(timeout=TIMEOUT)[1]
    assert run.returncode != 0
    assert not any(is_alive(int((tmp_path / f"pid{rank}").read_text())) for rank in range(2))
    assert errors(said) == ["error: a.wav: broken"]
    assert "[rank0]: Traceback" not in said
    assert "traceback : a.wav: broken" in said  # torchrun's summary


def test_sigterm_is_an_error_that_says_how_to_go_on(write_experiment, monkeypatch, tmp_path):
    step = ExtractionTask.training_step
    before = signal.getsignal(signal.SIGTERM)

    def until_ended(task, *rest):
        if task.trainer.global_step == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(task, *rest)

    monkeypatch.setattr(ExtractionTask, "training_step", until_ended)
    message = "exp: the run was broken off after step 3, as it was ended from outside. Go on with -"
    with pytest.raises(RunEndedError, match=message):
        experiment.train(write_experiment(), [], tmp_path / "exp", device="cpu")
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_worker_that_is_killed_ends_the_run_likewise(write_experiment, monkeypatch, tmp_path):
    step = ExtractionTask.training_step
    of_others = multiprocessing.active_children()  # tests before this one may have left some

    def until_killed(task, *rest):
        if task.trainer.global_step == 1:
            (worker,) = set(multiprocessing.active_children()).difference(of_others)
            os.kill(worker.pid, signal.SIGTERM)
        return step(task, *rest)

    monkeypatch.setattr(ExtractionTask, "training_step", until_killed)
    # Batches that it had made by then may still be used.
    path = write_experiment(trainer={"num_steps": 9, "num_workers": 1})
    message = r"exp: the run was broken off after step \d, as it or one of its processes was ended "
    with pytest.raises(RunEndedError, match=message):
        experiment.train(path, [], tmp_path / "exp", device="cpu")


WORKER = "DataLoader worker (pid 7) is killed by signal: "


@pytest.mark.parametrize(
    ("error", "is_told"),
    [
        (RuntimeError(f"{WORKER}Terminated. "), True),
        (RuntimeError(f"{WORKER}Killed. "), True),
        (RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly"), True),
        (ConnectionResetError(104, "Connection reset by peer"), True),  # in handing a batch over
        (EOFError(), True),  # likewise
        # A worker's own fault, which torch says more of.
        (RuntimeError(f"{WORKER}Bus error. It is possible that dataloader's workers are"), False),
        (RuntimeError(f"{WORKER}Segmentation fault. "), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_what_a_killed_worker_leaves_behind(tmp_path, error, is_told):
    trainer = SimpleNamespace(global_step=3)
    told = "exp: the run was broken off after step 3, as it or one of its processes was ended from"
    message = told if is_told else re.escape(str(error))
    ended = processes.EndedFromOutside(tmp_path / "exp")
    with pytest.raises(RuntimeError, match=message), ended.told(trainer):
        raise error


def test_a_stray_rank_says_nothing(write_experiment, monkeypatch, tmp_path):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "1")
    path = write_experiment(trainer={"num_steps": 1})
    experiment.train(path, [], tmp_path / "exp", device="cpu")
    assert "done after 1 steps" in (tmp_path / "exp/train.log").read_text()
    left = {entry.name for entry in (tmp_path / "exp").iterdir()}
    assert {"config.yaml", "metrics.csv", "model", "tensorboard"} <= left
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match=r"^WORLD_SIZE: is 2, but torchrun did not start this pr"):
        experiment.train(path, [], tmp_path / "two", device="cpu")
    assert not (tmp_path / "two").exists()


def test_an_interrupt_stays_one(write_experiment, monkeypatch, tmp_path):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(ExtractionTask, "training_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        experiment.train(write_experiment(), [], tmp_path / "exp", device="cpu")
    log = (tmp_path / "exp" / "train.log").read_text()
    assert log.endswith(
        "INFO interrupted after step 0; --resume goes on from the last checkpoint\n"
    )


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_worker_cannot_read_is_one_line(write_experiment, hums, tmp_path, workers):
    plan = read_plans(hums / "valid.jsonl")[0]
    lost = replace(plan.target, clip=replace(plan.target.clip, path="lost.wav"))
    write_plans(tmp_path / "v.jsonl", [replace(plan, target=lost)])
    overrides = [f"data.valid.mixtures={tmp_path / 'v.jsonl'}", f"trainer.num_workers={workers}"]
    with pytest.raises(AudioError) as caught:
        experiment.train(write_experiment(), overrides, tmp_path / "exp", device="cpu")
    assert re.fullmatch(r"\S*lost\.wav: there is no such file", str(caught.value))


def test_so_many_validation_mixtures(write_experiment, hums, tmp_path):
    path = write_experiment(trainer={"num_steps": 2})
    for count in (2, None):
        told = [f"data.valid.num_mixtures={'null' if count is None else count}"]
        experiment.train(path, told, tmp_path / str(count), device="cpu")
    some, every = (read_metrics(tmp_path / name)[-1]["valid/si_sdr"] for name in ("2", "None"))
    assert some != every
    with pytest.raises(
        ManifestError, match=r"valid\.jsonl: has 3 mixtures, and data\.valid\.num_mixtures asks f"
    ):
        experiment.train(path, ["data.valid.num_mixtures=4"], tmp_path / "more")


def test_no_validation_mixtures_are_too_few():
    with pytest.raises(ConfigError, match="^num_mixtures: expected at least 1, got 0$"):
        ValidOptions("v.jsonl", num_mixtures=0)


def test_machines_that_share_no_folder(write_experiment, monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "gathered", lambda step: [step, step + 20])
    message = "exp: has a checkpoint of step 20 on one machine and of step 0 on another. Name a fol"
    with pytest.raises(OutputError, match=message):
        experiment.train(write_experiment(), [], tmp_path / "exp", device="cpu")
