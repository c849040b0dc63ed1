"""Whole runs of plain speaker encoders, and what their models are used for."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from wesep_like import experiment
from wesep_like.audio import io
from wesep_like.cli.app import run
from wesep_like.config.files import read_config, write_config
from wesep_like.errors import ModelFileError, TrialError
from wesep_like.experiment.dry_run import dry_run
from wesep_like.inference.embedder import load_encoder

RATE = 8000
TRIALS = [
    f"{int(first == other)} {first}-{one} {other}-{two}"
    for first in range(4)
    for one in range(3)
    for other in range(first, 4)
    for two in range(3)
    if (first, one) < (other, two)
]


@pytest.fixture
def write_encoder(hums, tmp_path):
    """Writes a small experiment: `write_encoder(trainer={...}, data={...})` -> path."""
    (tmp_path / "trials.txt").write_text("\n".join(TRIALS))

    def write(name="encoder.yaml", **sections):
        train = {"utterances": str(hums / "train.jsonl"), "crop_seconds": 0.6}
        valid = {"trials": str(tmp_path / "trials.txt"), "utterances": str(hums / "train.jsonl")}
        config = {
            "task": "verification",
            "sample_rate": RATE,
            "seed": 3,
            "model": {"speaker": {"name": "ecapa_tdnn", "channels": 16, "embed_dim": 16}},
            "data": {
                "train": {**train, **sections.pop("train", {})},
                "valid": {**valid, **sections.pop("valid", {})},
            },
            "losses": {"speaker": {"name": "aam_softmax"}},
            "optimizer": {"name": "sgd", "learning_rate": 0.05},
            "schedule": {"name": "exponential", "warmup_steps": 2},
            "trainer": {"num_steps": 4, "batch_size": 4, "validate_every": 2, "num_workers": 0,
                        "log_every": 1},
        }  # fmt: skip
        for section, values in sections.items():
            is_part = isinstance(values, dict)
            config[section] = {**config.get(section, {}), **values} if is_part else values
        write_config(tmp_path / name, yaml.safe_load(yaml.safe_dump(config)))
        return tmp_path / name

    return write


def read_metrics(folder):
    with (folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def losses_of(folder):
    return [row["train/loss"] for row in read_metrics(folder) if row["train/loss"]]


def last_weights(folder):
    return torch.load(folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"]


def test_a_run_learns_and_keeps_the_model_of_the_lowest_error_rate(write_encoder, tmp_path):
    path = write_encoder(
        margin_schedule={"start_step": 8, "end_step": 16},
        trainer={"num_steps": 24, "validate_every": 8, "batch_size": 8},
    )
    folder = tmp_path / "exp"
    experiment.train(path, [], folder)
    rows = read_metrics(folder)
    accuracy = [float(row["train/accuracy"]) for row in rows if row["train/accuracy"]]
    assert np.mean(accuracy[-6:]) > 0.6 > np.mean(accuracy[:3])  # chance is 0.25
    rates = {row["step"]: float(row["valid/eer"]) for row in rows if row["valid/eer"]}
    assert list(rates) == ["8", "16", "24"]
    assert all(0 <= rate <= 1 for rate in rates.values())
    assert min(rates.values()) < 0.3  # chance is 0.5
    assert all(row["valid/min_dcf"] for row in rows if row["valid/eer"])
    shares = [float(row["train/margin_share"]) for row in rows if row["train/margin_share"]]
    assert shares[:9] == [0] * 9
    assert 0 < shares[9] < shares[12] < 1
    assert shares[16:] == [1] * 8
    best = min(rates, key=lambda step: (rates[step], int(step)))
    kept = load_encoder(folder / f"checkpoints/models/step_{best}", "cpu")
    speech = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    embedding = load_encoder(folder, "cpu").embed(speech, RATE)
    assert np.array_equal(embedding, kept.embed(speech, RATE))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("per_speaker", [None, 2])
def test_workers_and_resumes_change_nothing(write_encoder, tmp_path, per_speaker):
    path = write_encoder(
        train={
            "utterances_per_speaker": per_speaker,
            "speed_probability": 0.5,
            "augmentation": {
                "noise": {"probability": 0.5},
                "spec_augment": {"probability": 0.5},
            },
        },
        losses={"speaker": [{"name": "aam_softmax"}, {"name": "centre", "weight": 0.01}]},
        margin_schedule={"start_step": 1, "end_step": 6},
        schedule={"name": "constant"},
    )
    experiment.train(path, [], tmp_path / "straight")
    experiment.train(path, ["trainer.num_workers=2"], tmp_path / "workers")
    experiment.train(path, ["trainer.num_steps=2"], tmp_path / "resumed")
    experiment.train(path, [], tmp_path / "resumed", resume=True)
    straight = last_weights(tmp_path / "straight")
    wanted = losses_of(tmp_path / "straight")
    assert len(wanted) == 4
    for name in ("workers", "resumed"):
        assert losses_of(tmp_path / name) == wanted
        other = last_weights(tmp_path / name)
        assert all(torch.equal(straight[key], other[key]) for key in straight)


def test_fine_tuning_with_a_large_margin_goes_on_from_encoder_and_head(write_encoder, tmp_path):
    first = write_encoder(train={"speed_probability": 0.7})
    experiment.train(first, [], tmp_path / "first")
    config = {
        "base": "encoder.yaml",
        "data": {"train": {"crop_seconds": 1.2, "speed_probability": 0.0}},
        "losses": {"speaker": {"name": "aam_softmax", "margin": 0.5}},
        "init": {"speaker": str(tmp_path / "first"), "head": str(tmp_path / "first")},
        "optimizer": {"learning_rate": 1e-4},
        "schedule": {"warmup_steps": 0},
    }
    second = tmp_path / "fine_tuned.yaml"
    write_config(second, config)
    task, _ = experiment.build(experiment.read_experiment(second)[0], str(second))
    head = task.losses[0].loss
    assert head.margin == 0.5
    state = torch.load(tmp_path / "first/checkpoints/best.ckpt", weights_only=True)
    assert state["classes"] == [
        "0",
        "1",
        "2",
        "3",
        *(f"{n} x{s}" for s in (0.9, 1.1) for n in range(4)),
    ]
    assert torch.equal(head.weight, state["state_dict"]["head.0.weight"][:4])
    kept = state["state_dict"]
    assert all(torch.equal(v, kept[f"model.{k}"]) for k, v in task.model.state_dict().items())
    kept["head.0.weight"] += 1
    torch.save(state, tmp_path / "changed.ckpt")
    named, _ = experiment.read_experiment(second, [f"init.head={tmp_path / 'changed.ckpt'}"])
    from_file, _ = experiment.build(named, str(second))
    assert torch.equal(from_file.losses[0].loss.weight, kept["head.0.weight"][:4])
    experiment.train(second, [], tmp_path / "second")


@pytest.mark.parametrize("adaptive", [0.0, 2.0])
def test_margins_that_were_learnt_begin_anew(write_encoder, tmp_path, adaptive):
    loss = {"name": "am_softmax", "adaptive": 1.0}
    path = write_encoder(losses={"speaker": loss}, schedule={"name": "constant"})
    experiment.train(path, ["trainer.num_steps=1", "trainer.validate_every=1"], tmp_path / "first")
    kept = torch.load(tmp_path / "first/checkpoints/best.ckpt", weights_only=True)["state_dict"]
    assert not torch.equal(kept["head.0.margins"], torch.full((4,), 0.2))
    path = write_encoder(
        losses={"speaker": {**loss, "margin": 0.5, "adaptive": adaptive}},
        init={"head": str(tmp_path / "first")},
    )
    task, _ = experiment.build(experiment.read_experiment(path)[0], str(path))
    head = task.losses[0].loss
    assert torch.equal(head.weight, kept["head.0.weight"])
    speakers = torch.arange(4)
    held = head.logits(torch.eye(4, head.weight.shape[1]), speakers)
    free = head.logits(torch.eye(4, head.weight.shape[1]))
    torch.testing.assert_close((free - held).diag(), torch.full((4,), 0.5 * head.scale))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["losses.speaker={name: softmax}"],
            r"head: .*best\.ckpt has other weights for 'softmax'",
        ),
        (
            ["init.head=nowhere"],
            r"init\.head: nowhere has no checkpoints/best\.ckpt or",
        ),
        (
            ["data.train.speed_probability=0.5"],
            r"init\.head: .*best\.ckpt has no weights of 8 of 12 speakers \(as '0 x0\.9'\)",
        ),
    ],
)
def test_a_head_of_other_losses_or_speakers(write_encoder, tmp_path, overrides, message):
    path = write_encoder()
    experiment.train(path, ["trainer.num_steps=1", "trainer.validate_every=1"], tmp_path / "first")
    path = write_encoder(init={"head": str(tmp_path / "first")})
    with pytest.raises(ModelFileError, match=message):
        experiment.build(experiment.read_experiment(path, overrides)[0], str(path))


def test_a_head_of_extraction_or_of_nothing(write_encoder, tmp_path):
    checkpoints = tmp_path / "other/checkpoints"
    checkpoints.mkdir(parents=True)
    path = write_encoder(init={"head": str(tmp_path / "other")})
    torch.save({"state_dict": {}}, checkpoints / "last.ckpt")
    with pytest.raises(ModelFileError, match=r"last\.ckpt is of no run with task verification"):
        experiment.build(experiment.read_experiment(path)[0], str(path))
    (checkpoints / "last.ckpt").write_bytes(b"nothing")
    with pytest.raises(ModelFileError, match=r"init\.head: .*last\.ckpt cannot be read"):
        experiment.build(experiment.read_experiment(path)[0], str(path))


def test_a_trained_encoder_is_used_everywhere(
    write_encoder, write_experiment, hums, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "exp"
    experiment.train(write_encoder(), [], folder)
    voices = [str(hums / f"{name}.wav") for name in ("0-0", "0-1", "3-0")]
    assert run(["embed", *voices, "-o", "out.npz", "--model", str(folder)]) == 0
    assert run(["verify", *voices[:2], "--model", str(folder)]) == 0
    Path("list.txt").write_text(f"1 {voices[0]} {voices[1]}\n0 {voices[0]} {voices[2]}\n")
    assert run(["score", "list.txt", "-o", "scores.txt", "--model", str(folder)]) == 0
    assert run(["average", str(folder), "--last", "2"]) == 0
    assert "step 2: valid/eer 0." in capsys.readouterr().out
    assert read_config(folder / "averaged/config.yaml")["task"] == "verification"
    # In extraction the speaker module begins with its weights, frozen or not.
    speaker = read_config(folder / "model/config.yaml")["model"]["speaker"]
    path = write_experiment(init={"speaker": str(folder)}, model={"speaker": speaker})
    task, _ = experiment.build(experiment.read_experiment(path)[0], str(path))
    samples = io.read(voices[0]).samples
    cue = task.model.eval().cue(torch.from_numpy(samples)[None])
    wanted = load_encoder(folder, "cpu").embed(samples, RATE)
    np.testing.assert_allclose(cue.embedding[0].numpy(), wanted, rtol=1e-5, atol=1e-6)
    experiment.train(path, ["trainer.num_steps=1"], tmp_path / "extraction")


def test_a_run_in_small(write_encoder, tmp_path):
    path = write_encoder(trainer={"num_steps": 100})
    lines = dry_run(path, [], device="cpu").splitlines()
    assert "works. 4 steps and 4 validation utterances on cpu" in lines[0]
    said = {line.split()[0]: line for line in lines[1:]}
    assert said["speech"].endswith("(4, 4800)")
    assert said["embeddings"].endswith("(4, 16)")
    assert "aam_softmax" in said["losses"]
    assert "12 utterances, 50 times" in said["validation"]


def test_trials_that_validation_cannot_use(write_encoder, tmp_path):
    path = write_encoder()
    build = experiment.build

    def refused(text):
        (tmp_path / "trials.txt").write_text(text)
        with pytest.raises(TrialError) as caught:
            build(experiment.read_experiment(path)[0], str(path))
        return str(caught.value)

    assert "1 of 2 trials do not say whether the speaker is the same" in refused(
        "1 0-0 0-1\n0-0 1-0"
    )
    assert "trials.txt: target trials only. Expected both kinds" in refused("1 0-0 0-1")
    assert "trials.txt: nontarget trials only" in refused("0 0-0 1-1")
    assert "9-9: no utterance in" in refused("1 0-0 0-1\n0 0-0 9-9")


def test_a_validation_hears_the_beginning_of_long_utterances(write_encoder):
    path = write_encoder(valid={"max_seconds": 0.5})
    _, loaders = experiment.build(experiment.read_experiment(path)[0], str(path))
    example = loaders._valid[0]
    assert example.heard.samples.shape == (4000,)
