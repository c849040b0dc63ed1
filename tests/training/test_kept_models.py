from types import SimpleNamespace

import pytest
import torch

from wesep_like.config.files import write_config
from wesep_like.errors import ModelFileError
from wesep_like.tasks.validated import VALIDATED, Validated
from wesep_like.training.best_model import BestModel
from wesep_like.training.kept_folders import (
    KeptModel,
    best_steps,
    choose_models,
    find_kept_models,
)
from wesep_like.training.kept_models import KeptModels

NAN = float("nan")
LARGE, SMALL = Validated("v"), Validated("v", is_smaller_better=True, num_digits=4)


def trainer_at(step, value=0.0, *, is_first=True):
    return SimpleNamespace(
        global_step=step, callback_metrics={"v": torch.tensor(value)}, is_global_zero=is_first
    )


def save(folder):
    folder.mkdir(parents=True)
    (folder / "model.safetensors").touch()


def kept_models(folder, num_best, num_last, validated=LARGE):
    return KeptModels(folder, validated, save, num_best=num_best, num_last=num_last)


def names(folder):
    return sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize(
    ("num_best", "num_last", "steps"),
    [(2, 0, [1, 3]), (0, 2, [5, 6]), (2, 2, [1, 3, 5, 6]), (0, 0, []), (9, 1, [1, 2, 3, 4, 5, 6])],
)
def test_the_best_and_the_last_are_kept(tmp_path, num_best, num_last, steps):
    callback = kept_models(tmp_path / "models", num_best, num_last)
    for step, value in enumerate((3.0, 2.0, 4.0, NAN, 3.0, 1.0), start=1):
        callback.on_validation_end(trainer_at(step, value), None)
    assert names(tmp_path / "models") == [f"step_{step}" for step in steps]
    assert list(callback.state_dict()["values"]) == steps


def test_where_smaller_is_better_the_smallest_are_kept(tmp_path, caplog):
    callback, saved = kept_models(tmp_path / "models", 2, 0, SMALL), []
    best = BestModel(SMALL, lambda: saved.append(1))
    caplog.set_level("INFO", "wesep_like")
    for step, value in enumerate((0.3, 0.1, NAN, 0.2), start=1):
        callback.on_validation_end(trainer_at(step, value), None)
        best.on_validation_end(trainer_at(step, value), None)
    assert names(tmp_path / "models") == ["step_2", "step_4"]
    assert len(saved) == 2
    assert "step 2: v 0.1000, the best so far" in caplog.text
    assert "step 4: v 0.2000" in caplog.text


def test_a_resumed_run_keeps_the_same_and_removes_what_it_does_not_know(tmp_path):
    straight = kept_models(tmp_path, 1, 1)
    values = {10: 5.0, 20: 4.0, 30: 3.0}
    for step in (10, 20):
        straight.on_validation_end(trainer_at(step, values[step]), None)
    state = {"values": dict(straight.state_dict()["values"])}
    straight.on_validation_end(trainer_at(30, values[30]), None)
    (tmp_path / ".step_40-abc").mkdir()  # killed while it wrote
    (tmp_path / "mine").mkdir()
    resumed = kept_models(tmp_path, 1, 1)
    resumed.load_state_dict(state)
    resumed.on_train_start(trainer_at(20), None)
    assert names(tmp_path) == ["mine", "step_10"]
    resumed.on_validation_end(trainer_at(30, values[30]), None)
    assert names(tmp_path) == ["mine", "step_10", "step_30"]
    assert resumed.state_dict() == straight.state_dict()


def test_a_resumed_run_forgets_what_is_gone(tmp_path):
    broken = kept_models(tmp_path, 1, 0)
    broken.on_validation_end(trainer_at(10, 5.0), None)
    state = {"values": dict(broken.state_dict()["values"])}
    broken.on_validation_end(trainer_at(20, 6.0), None)  # drives the first out, and is lost
    resumed = kept_models(tmp_path, 1, 0)
    resumed.load_state_dict(state)
    resumed.on_train_start(trainer_at(10), None)
    assert names(tmp_path) == []
    resumed.on_validation_end(trainer_at(30, 4.0), None)
    assert names(tmp_path) == ["step_30"]


def test_only_the_first_process_writes(tmp_path):
    callback = kept_models(tmp_path / "models", 1, 1)
    save(tmp_path / "models" / "step_1")
    callback.on_train_start(trainer_at(0, is_first=False), None)
    callback.on_validation_end(trainer_at(2, is_first=False), None)
    assert names(tmp_path / "models") == ["step_1"]


def test_a_value_that_is_no_number_is_never_the_best():
    assert best_steps([(1, NAN), (2, -9.0), (3, -9.0)], 2) == [2, 3]
    saved = []
    best = BestModel(LARGE, lambda: saved.append(1))
    for step, value in enumerate((NAN, 1.0, NAN, 0.5, 2.0), start=1):
        best.on_validation_end(trainer_at(step, value), None)
    assert len(saved) == 3  # the first, for want of a better one
    assert best.state_dict() == {"best": 2.0}


@pytest.fixture
def experiment(tmp_path):
    """An experiment folder with kept models of three steps."""
    for step in (9, 10, 11):
        folder = tmp_path / "checkpoints/models" / f"step_{step}"
        save(folder)
        config = {"task": "extraction", "sample_rate": 8000, "model": {}}
        write_config(folder / "config.yaml", config)
    (tmp_path / "checkpoints/models/step_x").mkdir()
    (tmp_path / "metrics.csv").write_text(
        "step,train/loss,valid/si_sdri\n9,1,\n9,,3\n10,,1\n11,,2\n"
    )
    return tmp_path


def test_the_models_that_were_kept_are_found_and_chosen(experiment):
    models = find_kept_models(experiment)
    folder = experiment / "checkpoints/models"
    assert models[0] == KeptModel(9, 3.0, VALIDATED["extraction"], folder / "step_9")
    assert [model.value for model in models] == [3.0, 1.0, 2.0]
    assert [model.step for model in choose_models(models)] == [9, 10, 11]
    assert [model.step for model in choose_models(models, best=2)] == [9, 11]
    assert [model.step for model in choose_models(models, last=2)] == [10, 11]


def test_of_an_encoder_the_lowest_error_rate_is_the_best(experiment):
    for step in (9, 10, 11):
        folder = experiment / "checkpoints/models" / f"step_{step}"
        config = {"task": "verification", "sample_rate": 8000, "model": {}}
        write_config(folder / "config.yaml", config)
    (experiment / "metrics.csv").write_text("step,valid/eer\n9,0.3\n10,0.1\n11,0.2\n")
    models = find_kept_models(experiment)
    assert [model.step for model in choose_models(models, best=2)] == [10, 11]
    assert models[1].validated.told(models[1].value) == "valid/eer 0.1000"


def test_what_cannot_be_found(experiment):
    models = find_kept_models(experiment)
    with pytest.raises(ModelFileError, match=r"models: 4 models were asked for, but there are 3\."):
        choose_models(models, last=4)
    metrics = experiment / "metrics.csv"
    metrics.write_text("step,valid/si_sdri\n9,3\n")
    with pytest.raises(ModelFileError, match=r"metrics.csv: no valid/si_sdri of step 10, of which"):
        find_kept_models(experiment)
    metrics.write_text("step,valid/si_sdri\nnine,3\n")
    with pytest.raises(ModelFileError, match=r"metrics.csv: expected a table with the columns ste"):
        find_kept_models(experiment)
    metrics.unlink()
    with pytest.raises(ModelFileError, match=r"metrics.csv: there is no such file, which says how"):
        find_kept_models(experiment)
    with pytest.raises(
        ModelFileError, match=r"nowhere: no such folder\. Name an experiment folder"
    ):
        find_kept_models(experiment / "nowhere")
