"""Runs whose weights are averaged, and the models that they keep."""

import csv

import pytest
import torch
from safetensors.torch import load_file

from wesep_like import experiment
from wesep_like.cli.app import run
from wesep_like.config.files import read_config
from wesep_like.data.dataset import FixedMixtures
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.plans import read_plans
from wesep_like.data.simulation.render import render
from wesep_like.data.store import AudioStore
from wesep_like.metrics.sdr import si_sdr
from wesep_like.models.model_file import load_model
from wesep_like.tasks.extraction import ExtractionTask

EMA = {"num_steps": 8, "validate_every": 2, "save_every": 3, "ema_decay": 0.9}
EXACT = {"rtol": 0, "atol": 0}


def validations(folder):
    with (folder / "metrics.csv").open() as file:
        rows = csv.DictReader(file)
        return {int(r["step"]): float(r["valid/si_sdri"]) for r in rows if r["valid/si_sdri"]}


def kept(folder):
    """The weights of each kept model, by the name of its folder."""
    models = sorted((folder / "checkpoints/models").iterdir())
    return {model.name: load_file(model / "model.safetensors") for model in models}


def last(folder):
    return torch.load(folder / "checkpoints/last.ckpt", weights_only=True)


@torch.no_grad()
def improvement(model, plans):
    """The mean SI-SDRi of a model, in dB."""
    mixtures = FixedMixtures(read_plans(plans), AudioStore(8000))
    found = []
    for number in range(len(mixtures)):
        batch = render(collate([mixtures[number]]))
        estimate = model.extract(batch.mixture, model.cue(batch.enrollment))
        found.append(si_sdr(estimate, batch.target) - si_sdr(batch.mixture, batch.target))
    return torch.stack(found).mean().item()


def failing_at(call, method):
    """The method, which raises when it is called so often."""
    calls = []

    def fails(*args):
        calls.append(1)
        if len(calls) == call:
            raise ZeroDivisionError
        return method(*args)

    return fails


# The 2nd of three mixtures of the 3rd validation; the 7th step, after the checkpoint of the 6th.
@pytest.mark.parametrize(
    ("freeze", "method", "call", "step"),
    [(["speaker"], "validation_step", 8, 3), ([], "training_step", 7, 6)],
    ids=["frozen", "joint"],
)
def test_a_run_that_was_broken_off_ends_with_the_same_averages(
    write_experiment, tmp_path, monkeypatch, freeze, method, call, step
):
    path = write_experiment(freeze=freeze, trainer={**EMA, "keep_best": 1, "keep_last": 2})
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    experiment.train(path, ["trainer.save_every=1"], straight)
    with monkeypatch.context() as patched:
        patched.setattr(ExtractionTask, method, failing_at(call, getattr(ExtractionTask, method)))
        with pytest.raises(ZeroDivisionError):
            experiment.train(path, [], broken)
    assert last(broken)["global_step"] == step
    experiment.train(path, ["trainer.save_every=1"], broken, resume=True)

    torch.testing.assert_close(last(broken)["state_dict"], last(straight)["state_dict"], **EXACT)
    averages = [last(folder)["callbacks"]["WeightAverage"] for folder in (broken, straight)]
    torch.testing.assert_close(*averages, **EXACT)
    torch.testing.assert_close(kept(broken), kept(straight), **EXACT)
    best = [load_file(folder / "model/model.safetensors") for folder in (broken, straight)]
    torch.testing.assert_close(*best, **EXACT)
    assert (broken / "metrics.csv").read_text() == (straight / "metrics.csv").read_text()


@pytest.mark.parametrize("decay", [0.9, None])
def test_what_is_kept_is_what_was_validated(write_experiment, hums, tmp_path, decay):
    path = write_experiment(freeze=[], trainer={**EMA, "ema_decay": decay, "keep_best": 1})
    folder = tmp_path / "exp"
    experiment.train(path, [], folder)
    values = validations(folder)
    assert kept(folder).keys() == {"step_2", "step_4", "step_6", "step_8"}

    for step, value in values.items():
        model = load_model(folder / f"checkpoints/models/step_{step}")
        assert improvement(model, hums / "valid.jsonl") == pytest.approx(value, abs=2e-4)

    best = kept(folder)[f"step_{max(values, key=values.get)}"]
    torch.testing.assert_close(load_file(folder / "model/model.safetensors"), best, **EXACT)
    trained = {
        key.removeprefix("model."): value for key, value in last(folder)["state_dict"].items()
    }
    key = "separator.blocks.0.along_time.projection.weight"
    newest = kept(folder)["step_6"]  # the last checkpoint is of this step too
    assert torch.equal(newest[key], trained[key]) == (decay is None)
    counters = [key for key in trained if key.endswith("num_batches_tracked")]
    assert counters
    assert all(newest[key] == trained[key] == 6 for key in counters)


def test_an_average_may_be_begun_later(write_experiment, tmp_path):
    path, folder = write_experiment(trainer={"num_steps": 2}), tmp_path / "exp"
    experiment.train(path, ["trainer.keep_last=0", "trainer.keep_best=0"], folder)
    assert not (folder / "checkpoints/models").exists()
    experiment.train(path, ["trainer.num_steps=4", "trainer.ema_decay=0.5"], folder, resume=True)
    assert last(folder)["callbacks"]["WeightAverage"]["num_updates"] == 2
    assert kept(folder).keys() == {"step_4"}


def test_a_run_too_short_for_a_validation_leaves_its_average(write_experiment, tmp_path):
    path = write_experiment(trainer={"num_steps": 3, "validate_every": 100, "save_every": 3})
    experiment.train(path, ["trainer.ema_decay=0.9"], tmp_path / "exp")
    averages = last(tmp_path / "exp")["callbacks"]["WeightAverage"]["averages"]
    model = load_file(tmp_path / "exp/model/model.safetensors")
    assert averages
    assert all(torch.equal(model[key], value) for key, value in averages.items())


def test_the_models_of_a_run_are_averaged(write_experiment, tmp_path):
    path = write_experiment(freeze=[], trainer={"num_steps": 3, "validate_every": 1})
    folder = tmp_path / "exp"
    experiment.train(path, [], folder)
    assert run(["average", str(folder), "--last", "2"]) == 0
    models = kept(folder)
    mean = load_file(folder / "averaged/model.safetensors")
    for key, value in mean.items():
        two, three = (models[name][key] for name in ("step_2", "step_3"))
        expected = (two.double() + three.double()) / 2 if value.is_floating_point() else three
        assert torch.equal(value, expected.to(value.dtype)), key
    assert read_config(folder / "averaged/config.yaml") == read_config(folder / "config.yaml")
    assert load_model(folder / "averaged")
