"""Whole runs of encoders that learn without labels, and what their models are used for."""

import csv
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch
import yaml
from safetensors.torch import load_file

from wesep_like import experiment
from wesep_like.cli.app import run
from wesep_like.config.files import read_config, write_config
from wesep_like.data.manifest import AnyUtterance, write_manifest
from wesep_like.experiment.dry_run import dry_run
from wesep_like.inference.embedder import load_encoder
from wesep_like.tasks.self_supervised import SelfSupervisedTask
from wesep_like.training import engine

RATE = 8000
TWO = [{"seconds": 0.5, "count": 2}]
METHODS = {
    "simclr": ({"name": "simclr", "head": {"hidden_dim": 16, "out_dim": 8}}, TWO),
    "moco": (
        {"name": "moco", "queue_size": 16, "momentum": 0.9, "head": None},
        [{"seconds": 0.6}, {"seconds": 0.4}],
    ),
    "dino": (
        {
            "name": "dino",
            "out_dim": 32,
            "hidden_dim": 16,
            "bottleneck_dim": 8,
            "batch_norm": True,
            "teacher_momentum": 0.9,
            "teacher_warmup_steps": 3,
            "frozen_steps": 1,
        },
        [{"seconds": 0.6, "count": 2}, {"seconds": 0.4, "count": 2}],
    ),
}
# Without BatchNorm, which sees the batch of its process.
LSTM = {
    "name": "dvector_lstm",
    "num_layers": 1,
    "hidden_dim": 16,
    "projection_dim": 8,
    "embed_dim": 8,
    "num_bins": 20,
}


@pytest.fixture(scope="session")
def unlabelled(tmp_path_factory):
    """A manifest of hums at 40 pitches, which does not say whose they are."""
    folder, rng = tmp_path_factory.mktemp("unlabelled"), np.random.default_rng(1)
    records = []
    for number, pitch in enumerate(np.geomspace(90, 900, 40)):
        time = np.arange(1.2 * RATE) / RATE
        harmonics = [np.sin(2 * np.pi * k * pitch * time) / k for k in range(1, 5)]
        samples = 0.1 * sum(harmonics) + 0.003 * rng.standard_normal(len(time))
        soundfile.write(folder / f"{number}.wav", samples, RATE)
        records.append(AnyUtterance(str(number), f"{number}.wav", len(samples), RATE))
    write_manifest(folder / "utterances.jsonl", records)
    return folder / "utterances.jsonl"


@pytest.fixture
def write_run(unlabelled, hums, tmp_path):
    """Writes a small experiment: `write_run("dino", trainer={...}, train={...})` -> path."""
    names = [f"{speaker}-{take}" for speaker in range(4) for take in range(3)]
    trials = [
        f"{int(first[0] == second[0])} {first} {second}"
        for number, first in enumerate(names)
        for second in names[number + 1 :]
    ]
    (tmp_path / "trials.txt").write_text("\n".join(trials))

    def write(name, **sections):
        method, crops = METHODS[name]
        config = {
            "task": "self_supervised",
            "sample_rate": RATE,
            "seed": 3,
            "model": {"speaker": {"name": "ecapa_tdnn", "channels": 16, "embed_dim": 16}},
            "data": {
                "train": {"utterances": str(unlabelled), "crops": crops,
                          **sections.pop("train", {})},
                "valid": {"trials": str(tmp_path / "trials.txt"),
                          "utterances": str(hums / "train.jsonl")},
            },
            "method": method,
            "optimizer": {"name": "sgd", "learning_rate": 0.01},
            "schedule": {"name": "constant"},
            "trainer": {"num_steps": 4, "batch_size": 4, "validate_every": 2, "num_workers": 0,
                        "log_every": 1},
        }  # fmt: skip
        for section, values in sections.items():
            config[section] = {**config.get(section, {}), **values}
        write_config(tmp_path / f"{name}.yaml", yaml.safe_load(yaml.safe_dump(config)))
        return tmp_path / f"{name}.yaml"

    return write


def read_metrics(folder):
    with (folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def last_weights(folder):
    return torch.load(folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"]


def assert_equal(one, other):
    torch.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.mark.parametrize("name", METHODS)
def test_a_run_learns_and_does_not_collapse(write_run, tmp_path, name):
    more = {"num_steps": 24, "validate_every": 24, "batch_size": 8}
    path, folder = write_run(name, trainer=more), tmp_path / "exp"
    slower = ["method.teacher_momentum=0.96", "method.teacher_temperature=0.04"]
    told = [*slower, "optimizer.learning_rate=0.05"] if name == "dino" else []
    experiment.train(path, told, folder)
    rows = [row for row in read_metrics(folder) if row["train/loss"]]
    losses, spread = ([float(row[f"train/{key}"]) for row in rows] for key in ("loss", "spread"))
    # Of the first two not, when MoCo's queue is random. Other seeds give 0.2 to 0.76.
    assert np.mean(losses[-6:]) < 0.88 * np.mean(losses[2:5]), losses
    assert all(0.2 < value <= 1.01 for value in spread)
    assert 0 <= float(read_metrics(folder)[-1]["valid/eer"]) <= 1
    if name == "dino":
        told = [(row["train/teacher_entropy"], row["train/mean_entropy"]) for row in rows]
        entropies = np.array(told, float)
        assert (entropies[:, 0] < entropies[:, 1]).all()  # surer of each than of all together
        assert 0.5 < entropies[-6:, 1].min() <= entropies.max() < math.log(32)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("name", ["moco", pytest.param("simclr", marks=pytest.mark.slow),
                                  pytest.param("dino", marks=pytest.mark.slow)])  # fmt: skip
def test_workers_and_resumes_change_nothing(write_run, tmp_path, name):
    path = write_run(
        name,
        train={
            "speed_probability": 0.3,
            "augmentation": {"noise": {"probability": 0.5}, "spec_augment": {"probability": 0.5}},
        },
        trainer={"accumulate_batches": 2, "save_every": 1},
    )
    straight, workers, broken = (tmp_path / which for which in ("straight", "workers", "broken"))
    experiment.train(path, [], straight)
    experiment.train(path, ["trainer.num_workers=1"], workers)
    step = SelfSupervisedTask.training_step

    def fails(task, batch, index):
        if task.trainer.global_step == 3:
            raise ZeroDivisionError
        return step(task, batch, index)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(SelfSupervisedTask, "training_step", fails)
        with pytest.raises(ZeroDivisionError):
            experiment.train(path, [], broken)
    experiment.train(path, [], broken, resume=True)
    wanted = last_weights(straight)
    for folder in (workers, broken):
        assert_equal(last_weights(folder), wanted)
        assert (folder / "metrics.csv").read_text() == (straight / "metrics.csv").read_text()


def test_the_teacher_follows_after_each_step_and_is_what_is_kept(write_run, tmp_path):
    path = write_run("dino", trainer={"num_steps": 1, "validate_every": 1})
    folder = tmp_path / "exp"
    engine.seed(3)
    task, _ = experiment.build(experiment.read_experiment(path)[0], str(path))
    first = {key: value.clone() for key, value in task.student.named_parameters()}
    head = task.method.head.layers[0].weight.clone()
    experiment.train(path, [], folder)
    after = last_weights(folder)
    assert any(not torch.equal(after[f"other.{key}"], value) for key, value in first.items())
    for key, value in first.items():  # a tenth of what the student has learnt goes over
        torch.testing.assert_close(after[f"model.{key}"], 0.9 * value + 0.1 * after[f"other.{key}"])
    learnt = after["method.head.layers.0.weight"]
    torch.testing.assert_close(
        after["method.teacher_head.layers.0.weight"], 0.9 * head + 0.1 * learnt
    )
    kept = load_file(folder / "model/model.safetensors")
    assert_equal(kept, {k.removeprefix("model."): v for k, v in after.items() if k[:6] == "model."})


@pytest.mark.parametrize("name", ["moco", "dino"])
def test_a_bad_step_leaves_teacher_queue_and_centre_as_they_were(write_run, tmp_path, name):
    path = write_run(name)
    settings, _ = experiment.read_experiment(path)
    states = []

    def state_of(task):
        return {key: value.clone() for key, value in task.state_dict().items()}

    step = SelfSupervisedTask.training_step

    def spoilt(task, batch, index):
        states.append(state_of(task))
        loss = step(task, batch, index)
        return loss * math.nan if task.trainer.global_step == 1 else loss

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(SelfSupervisedTask, "training_step", spoilt)
        experiment.train(path, [], tmp_path / "exp")
    assert settings.trainer.num_steps == len(states) == 4
    assert_equal(states[2], states[1])  # the second step was left out
    for before, after in ((states[0], states[1]), (states[2], states[3])):
        part = "other" if name == "moco" else "model"
        learnt = [key for key in before if key.startswith(part) and key.endswith("weight")]
        assert any(not torch.equal(before[key], after[key]) for key in learnt)
        memory = {"moco": "method.queue", "dino": "method.centre"}[name]
        assert not torch.equal(before[memory], after[memory])


def test_the_model_is_used_everywhere_and_fine_tuned_with_labels(
    write_run, unlabelled, hums, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "exp"
    experiment.train(write_run("dino"), [], folder)
    voices = [str(hums / f"{name}.wav") for name in ("0-0", "0-1", "3-0")]
    assert run(["embed", "--utterances", str(unlabelled), "-o", "o.npz", "--model", "exp"]) == 0
    assert run(["verify", *voices[:2], "--model", "exp"]) == 0
    (tmp_path / "list.txt").write_text(f"1 {voices[0]} {voices[1]}\n0 {voices[0]} {voices[2]}\n")
    assert run(["score", "list.txt", "-o", "scores.txt", "--model", "exp"]) == 0
    assert run(["average", "exp", "--last", "2"]) == 0
    assert run(["info", "exp"]) == 0
    said = capsys.readouterr().out
    assert "step 2: valid/eer 0." in said
    assert "task: self_supervised" in said
    assert "  speaker: 0." in said
    config = {
        "task": "verification",
        "sample_rate": RATE,
        "model": read_config(folder / "model/config.yaml")["model"],
        "init": {"speaker": "exp/averaged"},
        "data": {
            "train": {"utterances": str(hums / "train.jsonl"), "crop_seconds": 0.6},
            "valid": {"trials": "trials.txt", "utterances": str(hums / "train.jsonl")},
        },
        "losses": {"speaker": {"name": "aam_softmax"}},
        "trainer": {"num_steps": 1, "batch_size": 4, "validate_every": 1, "num_workers": 0},
    }
    write_config(tmp_path / "tuned.yaml", config)
    settings, _ = experiment.read_experiment(tmp_path / "tuned.yaml")
    task, _ = experiment.build(settings, "tuned.yaml")
    assert_equal(dict(task.model.state_dict()), load_file("exp/averaged/model.safetensors"))
    experiment.train("tuned.yaml", [], tmp_path / "tuned")
    assert load_encoder(tmp_path / "tuned", "cpu")


def test_a_run_in_small(write_run):
    lines = dry_run(write_run("dino", trainer={"num_steps": 100}), [], device="cpu").splitlines()
    assert "works. 4 steps and 4 validation utterances on cpu" in lines[0]
    said = [" ".join(line.split()) for line in lines]
    assert "crops 1 (2, 4, 4800)" in said
    assert "crops 2 (2, 4, 3200)" in said
    assert "embeddings (8, 16)" in said
    assert any(line.startswith("parameters teacher: 0 learnt") for line in said)


@pytest.mark.parametrize("name", ["simclr", "moco", "dino"])
def test_half_precision_runs(write_run, tmp_path, name):
    path = write_run(name, trainer={"precision": "bf16", "num_steps": 2})
    experiment.train(path, [], tmp_path / "exp")
    losses = [row["train/loss"] for row in read_metrics(tmp_path / "exp") if row["train/loss"]]
    assert len(losses) == 2
    assert all(math.isfinite(float(loss)) for loss in losses)


RUN = """
import sys, warnings
from wesep_like.cli import app
sys.exit(app.run(["train", *sys.argv[1:]]))
"""


@pytest.mark.parametrize("name", ["simclr", pytest.param("moco", marks=pytest.mark.slow),
                                  pytest.param("dino", marks=pytest.mark.slow)])  # fmt: skip
def test_two_processes_are_one_with_twice_the_batch(write_run, tmp_path, name):
    # Others in the batch, queue and centre are those of both.
    path = write_run(name, trainer={"num_steps": 3, "validate_every": 3, "batch_size": 2})
    text = yaml.safe_load(path.read_text())
    text["model"]["speaker"] = LSTM
    text["method"].pop("batch_norm", None)
    write_config(path, text)
    (tmp_path / "run.py").write_text(RUN)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    launch += ["--nproc-per-node", "2", str(tmp_path / "run.py"), str(path), "--device", "cpu"]
    root = os.path.dirname(os.path.dirname(experiment.__path__[0]))
    done = subprocess.run(
        [*launch, "--output", str(tmp_path / "two"), "trainer.accumulate_batches=2"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = ["trainer.batch_size=4", "trainer.accumulate_batches=2"]
    experiment.train(path, told, tmp_path / "one", device="cpu")
    one, two = (last_weights(tmp_path / which) for which in ("one", "two"))
    torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-5)
    losses = [[r["train/loss"] for r in read_metrics(tmp_path / n)] for n in ("one", "two")]
    numbers = [[float(loss) for loss in of if loss] for of in losses]
    assert len(numbers[0]) == 3
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-3)
