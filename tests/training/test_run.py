"""Whole runs, as `wesep-like train` makes them."""

import csv
import re
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from wesep_like import experiment
from wesep_like.config.files import read_config, write_config
from wesep_like.data.simulation.plans import read_plans, write_plans
from wesep_like.errors import ConfigError, ManifestError, ModelFileError, OutputError
from wesep_like.inference.extractor import Extractor


def last_weights(folder):
    state = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    return state["global_step"], state["state_dict"]


def assert_equal_weights(one, other):
    assert one.keys() == other.keys()
    different = [key for key in one if not torch.equal(one[key], other[key])]
    assert not different


def read_metrics(folder):
    with (folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def test_what_a_run_leaves_in_its_folder(write_experiment, hums, tmp_path):
    path, folder = write_experiment(), tmp_path / "exp"
    experiment.train(path, ["model.fusion.name=concat"], folder)

    resolved = read_config(folder / "config.yaml")
    assert resolved["model"]["fusion"] == {"name": "concat"}
    # Defaults, written out:
    assert resolved["trainer"]["clip_grad_norm"] == 5.0
    assert resolved["model"]["separator"]["window_ms"] == 32.0

    rows = read_metrics(folder)
    train = [row for row in rows if row["train/loss"]]
    valid = [row for row in rows if row["valid/si_sdri"]]
    assert [row["step"] for row in train] == ["1", "2", "3", "4"]
    assert [row["step"] for row in valid] == ["2", "4"]
    assert all(row["learning_rate"] for row in train)

    events = EventAccumulator(str(folder / "tensorboard"), {"images": 0, "audio": 0, "scalars": 0})
    events.Reload()
    tags = events.Tags()
    assert {"train/loss", "valid/si_sdri"} <= set(tags["scalars"])
    kinds = ("mixture", "estimate", "target")
    signals = {f"{name}/{kind}" for name in ("v0", "v1") for kind in kinds}
    assert set(tags["audio"]) == signals
    assert set(tags["images"]) == {"v0/spectrograms", "v1/spectrograms"}
    assert [event.step for event in events.Images("v0/spectrograms")] == [2, 4]

    log = (folder / "train.log").read_text()
    assert re.search(r"step 4: valid/si_sdri -?\d", log)

    best = max(float(row["valid/si_sdri"]) for row in valid)
    assert torch.load(folder / "checkpoints/best.ckpt", weights_only=True)["global_step"] == int(
        next(row["step"] for row in valid if float(row["valid/si_sdri"]) == best)
    )
    extractor = Extractor.load(folder)
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 8000)).astype(np.float32)
    assert extractor.extract(noise[0], noise[1], 8000).shape == (8000,)


def test_two_runs_are_the_same_and_another_seed_is_not(write_experiment, tmp_path):
    path = write_experiment(trainer={"num_steps": 3})
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        experiment.train(path, [f"seed={seed}"], tmp_path / name)
    weights = {name: load_file(tmp_path / name / "model/model.safetensors") for name in "abc"}
    assert_equal_weights(weights["a"], weights["b"])
    key = "separator.blocks.0.along_time.projection.weight"
    assert not torch.equal(weights["a"][key], weights["c"][key])


def test_workers_change_nothing(write_experiment, tmp_path):
    path = write_experiment(trainer={"num_steps": 3, "validate_every": 3})
    for workers in (0, 2):
        experiment.train(path, [f"trainer.num_workers={workers}"], tmp_path / str(workers))
    assert_equal_weights(last_weights(tmp_path / "0")[1], last_weights(tmp_path / "2")[1])


def test_two_batches_of_two_make_the_step_of_one_of_four(write_experiment, tmp_path):
    path = write_experiment(trainer={"num_steps": 1, "save_every": 1, "validate_every": 9})
    means = []
    for batch_size, batches in ((4, 1), (2, 2)):
        folder = tmp_path / str(batches)
        overrides = [
            f"trainer.batch_size={batch_size}",
            f"trainer.accumulate_batches={batches}",
            "trainer.clip_grad_norm=null",
        ]
        experiment.train(path, overrides, folder)
        state = torch.load(folder / "checkpoints/last.ckpt", weights_only=True)
        # Adam's mean of gradients: its first step is as long whatever they are.
        means.append([entry["exp_avg"] for entry in state["optimizer_states"][0]["state"].values()])
        assert [row["step"] for row in read_metrics(folder)] == ["1"]
    assert max(mean.abs().max() for mean in means[0]) > 1e-2
    torch.testing.assert_close(means[1], means[0], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("freeze", [["speaker"], []], ids=["frozen", "joint"])
def test_a_killed_and_resumed_run_ends_where_a_straight_one_does(
    write_experiment, tmp_path, freeze
):
    path = write_experiment(
        freeze=freeze, trainer={"num_steps": 20, "validate_every": 10, "save_every": 5}
    )
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    experiment.train(path, [], straight)

    # As in `wesep-like train`, but killed in the 13th step.
    code = (
        "import os, signal, sys\n"
        "from wesep_like import experiment\n"
        "from wesep_like.tasks.extraction import ExtractionTask\n"
        "step = ExtractionTask.training_step\n"
        "def until_killed(task, *args):\n"
        "    if task.trainer.global_step == 12:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return step(task, *args)\n"
        "ExtractionTask.training_step = until_killed\n"
        "experiment.train(sys.argv[1], [], sys.argv[2])\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(path), str(killed)], timeout=120)
    assert run.returncode == -signal.SIGKILL
    assert last_weights(killed)[0] == 10

    experiment.train(path, [], killed, resume=True)
    (step, resumed), (_, once) = last_weights(killed), last_weights(straight)
    assert step == 20
    assert_equal_weights(once, resumed)
    assert read_metrics(killed) == read_metrics(straight)
    best = "model/model.safetensors"
    assert_equal_weights(load_file(straight / best), load_file(killed / best))


def test_a_resumed_run_knows_which_model_was_the_best(write_experiment, tmp_path):
    # A learning rate that ruins what was learnt: the first validation is the best.
    path = write_experiment(trainer={"num_steps": 2, "validate_every": 2, "save_every": 2})
    ruinous = ["optimizer.learning_rate=0.5", "schedule={name: constant}"]
    experiment.train(path, ruinous, tmp_path / "exp")
    before = load_file(tmp_path / "exp/model/model.safetensors")
    experiment.train(path, [*ruinous, "trainer.num_steps=4"], tmp_path / "exp", resume=True)
    valid = [
        float(row["valid/si_sdri"])
        for row in read_metrics(tmp_path / "exp")
        if row["valid/si_sdri"]
    ]
    assert len(valid) == 2
    after = load_file(tmp_path / "exp/model/model.safetensors")
    is_kept = all(torch.equal(before[key], after[key]) for key in before)
    assert is_kept == (valid[0] >= valid[1])
    best = torch.load(tmp_path / "exp/checkpoints/best.ckpt", weights_only=True)
    assert best["global_step"] == (2 if is_kept else 4)


@pytest.mark.parametrize("fusion", ["concat", "add", "multiply", "film"])
@pytest.mark.parametrize("freeze", [["speaker"], []], ids=["frozen", "joint"])
def test_the_loss_falls(write_experiment, tmp_path, fusion, freeze):
    path = write_experiment(freeze=freeze, trainer={"num_steps": 40, "validate_every": 40})
    overrides = [f"model.fusion.name={fusion}"]
    if not freeze:
        overrides += ["init.speaker=null", "losses.speaker={name: aam_softmax, weight: 0.1}"]
    experiment.train(path, overrides, tmp_path / "exp")
    rows = [row for row in read_metrics(tmp_path / "exp") if row["train/loss"]]
    loss = [float(row["train/neg_si_sdr"]) for row in rows]
    assert np.mean(loss[-8:]) < np.mean(loss[:8]) - 2
    assert ("train/speaker" in rows[0]) == (not freeze)


@pytest.mark.parametrize("enrollment_seconds", [0.8, None])  # None: cues are kept
def test_an_encoder_that_is_an_onnx_graph_is_frozen_and_saved(
    write_experiment, onnx_encoder, tmp_path, enrollment_seconds
):
    graph = onnx_encoder()
    path, folder = write_experiment(init={"speaker": None}, freeze=[]), tmp_path / "exp"
    seconds = "null" if enrollment_seconds is None else enrollment_seconds
    overrides = [
        f"model.speaker={{name: onnx, path: {graph}}}",
        f"data.train.enrollment_seconds={seconds}",
    ]
    assert "(speaker 0.00 M" in experiment.check(path, overrides)
    experiment.train(path, overrides, folder)
    data = graph.read_bytes()
    graph.unlink()
    assert load_file(folder / "model/model.safetensors")["speaker.graph"].numpy().tobytes() == data
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 8000)).astype(np.float32)
    assert Extractor.load(folder, vad="none").extract(noise[0], noise[1], 8000).shape == (8000,)


def test_what_an_onnx_encoder_cannot_be_told(write_experiment, onnx_encoder):
    path = write_experiment()
    overrides = [
        f"model.speaker={{name: onnx, path: {onnx_encoder()}}}",
        "losses.speaker={name: softmax}",
    ]
    with pytest.raises(ConfigError) as raised:
        experiment.check(path, overrides)
    assert [problem.partition("yaml: ")[2] for problem in raised.value.problems] == [
        "init.speaker: the speaker module brings its weights. Expected null",
        "losses.speaker: has nothing to teach, as the speaker module is frozen",
    ]
    with pytest.raises(ConfigError, match=r"model.speaker.path: no.onnx: cannot be read"):
        experiment.check(path, ["model.speaker={name: onnx, path: no.onnx}", "init.speaker=null"])


def test_first_weights_of_another_width(write_experiment, tmp_path):
    """The fusions are built for the width that the config says."""
    with pytest.raises(ModelFileError) as raised:
        experiment.train(write_experiment(), ["model.speaker.embed_dim=12"], tmp_path / "exp")
    message = str(raised.value)
    assert "yaml: init.speaker: " in message
    assert "speaker/model.safetensors: belongs to another architecture: " in message
    assert "of another shape (as linear.weight: 16 x" in message
    told = re.search(r"Use the config that it was trained with: model\.speaker='(.*)'$", message)
    assert told is not None
    assert yaml.safe_load(told[1])["embed_dim"] == 16


@pytest.mark.parametrize("source", ["no/avg_model.pt", "no/model"])
def test_first_weights_that_are_not_there(source, write_experiment, tmp_path):
    with pytest.raises(
        ModelFileError, match=rf"yaml: init\.speaker: {source}: no such file.* Name "
    ):
        experiment.train(write_experiment(), [f"init.speaker={source}"], tmp_path / "exp")


def test_a_run_is_not_trained_over(write_experiment, tmp_path):
    path, folder = write_experiment(trainer={"num_steps": 2}), tmp_path / "exp"
    experiment.train(path, [], folder)
    before = (folder / "checkpoints/last.ckpt").read_bytes()
    with pytest.raises(OutputError, match=r"exp: has a run in it. Go on with it by --resume"):
        experiment.train(path, [], folder)
    with pytest.raises(ConfigError, match=r"config.yaml: the run was started with another seed\."):
        experiment.train(path, ["seed=4"], folder, resume=True)
    message = r"config.yaml: the run was started with another trainer\.accumulate_batches\. Resume"
    with pytest.raises(ConfigError, match=message):
        experiment.train(path, ["trainer.accumulate_batches=2"], folder, resume=True)
    others = ["schedule={name: cosine, warmup_steps: 9}", "optimizer.learning_rate=0.5"]
    keys = r"another optimizer\.learning_rate, schedule\.name\. Resume"
    with pytest.raises(ConfigError, match=keys):
        experiment.train(path, [*others, "trainer.num_steps=3"], folder, resume=True)
    assert (folder / "checkpoints/last.ckpt").read_bytes() == before


def test_a_longer_run_goes_on_from_a_shorter_one(write_experiment, tmp_path):
    path, folder = write_experiment(trainer={"num_steps": 2}), tmp_path / "exp"
    experiment.train(path, [], folder)
    experiment.train(path, ["trainer.num_steps=4"], folder, resume=True)
    assert last_weights(folder)[0] == 4
    assert [row["step"] for row in read_metrics(folder) if row["train/loss"]] == list("1234")


def test_another_number_of_examples_a_step_is_warned_of(write_experiment, tmp_path, caplog):
    path, folder = write_experiment(trainer={"num_steps": 1}), tmp_path / "exp"
    experiment.train(path, [], folder)
    for num_steps, size in ((2, 2), (3, 3), (4, 3)):
        caplog.clear()
        told = [f"trainer.num_steps={num_steps}", f"trainer.batch_size={size}"]
        experiment.train(path, [*told, "trainer.save_every=1"], folder, resume=True)
        warned = "3 examples a batch on all processes together, and 2 before: from here on, some e"
        assert (warned in caplog.text) == (num_steps == 3)
    assert warned in (folder / "train.log").read_text()


def test_an_option_that_is_new_since_the_run_began_has_its_default(write_experiment, tmp_path):
    path, folder = write_experiment(trainer={"num_steps": 1}), tmp_path / "exp"
    experiment.train(path, ["trainer.save_every=1"], folder)
    config = read_config(folder / "config.yaml")
    del config["data"]["max_broken_share"], config["model"]["fuse_axis"]
    write_config(folder / "config.yaml", config)
    with pytest.raises(ConfigError, match=r"with another data\.max_broken_share\. Resume"):
        experiment.train(path, ["data.max_broken_share=0.5"], folder, resume=True)
    experiment.train(path, ["trainer.num_steps=2"], folder, resume=True)
    assert last_weights(folder)[0] == 2


def test_resume_without_a_checkpoint_starts(write_experiment, tmp_path):
    experiment.train(write_experiment(trainer={"num_steps": 2}), [], tmp_path / "exp", resume=True)
    assert last_weights(tmp_path / "exp")[0] == 2


def with_absent(folder, output, is_absent):
    """The fixed mixtures of `folder`, those without their target that `is_absent` names."""
    plans = [
        replace(plan, has_target=plan.id not in is_absent)
        for plan in read_plans(folder / "valid.jsonl")
    ]
    write_plans(output, plans)
    return {"mixtures": str(output)}


def test_a_run_with_absent_targets(write_experiment, hums, tmp_path):
    train = {
        "utterances": str(hums / "train.jsonl"),
        "mixture_seconds": None,
        "mode": "max",
        "overlap_range": [0.2, 1.0],
        "enrollment_seconds": 0.8,
        "num_interferers": {1: 0.7, 2: 0.3},
        "absent_probability": 0.4,
        "noise_probability": 0.5,
        "loudness": {"speech_range_lufs": [-30, -20]},
    }
    path = write_experiment(
        data={"train": train, "valid": with_absent(hums, tmp_path / "v.jsonl", {"v1"})},
        losses={"waveform": [{"name": "neg_snr"}], "absent": {"eta": 0.5}},
    )
    experiment.train(path, [], tmp_path / "one")
    resolved = read_config(tmp_path / "one" / "config.yaml")
    assert resolved["data"]["train"]["num_interferers"] == {1: 0.7, 2: 0.3}
    assert resolved["data"]["train"]["loudness"]["noise_range_lufs"] == [-38.0, -30.0]
    assert resolved["losses"]["absent"] == {"eta": 0.5, "tau": 1e-3}
    rows = read_metrics(tmp_path / "one")
    assert any(row["train/absent"] for row in rows)
    assert any(row["train/neg_snr"] for row in rows)
    valid = [row for row in rows if row["valid/si_sdri"]]
    assert all(float(row["valid/attenuation_db"]) < 100 for row in valid)
    assert Extractor.load(tmp_path / "one", "cpu").keeps_level
    # The config that a run leaves makes the same run.
    experiment.train(tmp_path / "one" / "config.yaml", [], tmp_path / "two")
    assert_equal_weights(*(last_weights(tmp_path / name)[1] for name in ("one", "two")))


def test_a_validation_without_any_target_tells_nothing(write_experiment, hums, tmp_path):
    path = write_experiment(
        data={
            "train": {"utterances": str(hums / "train.jsonl")},
            "valid": with_absent(hums, tmp_path / "v.jsonl", {"v0", "v1", "v2"}),
        }
    )
    with pytest.raises(
        ManifestError, match=r"v\.jsonl: the target speaks in no mixture, so that n"
    ):
        experiment.train(path, [], tmp_path / "exp")
