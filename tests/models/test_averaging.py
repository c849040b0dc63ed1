import pytest
import torch
from safetensors.torch import load_file

from wesep_like.config.files import read_config
from wesep_like.errors import ModelFileError, OutputError
from wesep_like.models.averaging import average_models
from wesep_like.models.model_file import save_weights

CONFIG = {"task": "extraction", "sample_rate": 8000, "model": {"a": {"b": 1}, "c": [1, 2]}}


@pytest.fixture
def save(tmp_path):
    """Writes a model file of given weights: `save(name, weights, **config)` -> path."""

    def save(name, weights, **config):
        save_weights(tmp_path / name, weights, {**CONFIG, **config})
        return tmp_path / name

    return save


def state(value, count):
    return {
        "w": torch.full((2,), value),
        "half": torch.full((1,), value, dtype=torch.float16),
        "running_mean": torch.tensor([-value]),
        "num_batches_tracked": torch.tensor(count),
        "graph": torch.tensor([count], dtype=torch.uint8),
    }


def test_weights_are_averaged_and_integers_are_the_newest(save, tmp_path):
    models = [save(f"m{n}", state(float(n), n), seed=n) for n in (1, 2, 6)]
    average_models(models, tmp_path / "new" / "mean")
    mean = load_file(tmp_path / "new/mean/model.safetensors")
    assert {key: (value.dtype, value.tolist()) for key, value in mean.items()} == {
        "w": (torch.float32, [3.0, 3.0]),
        "half": (torch.float16, [3.0]),
        "running_mean": (torch.float32, [-3.0]),
        "num_batches_tracked": (torch.int64, 6),
        "graph": (torch.uint8, [6]),
    }
    assert read_config(tmp_path / "new/mean/config.yaml")["seed"] == 6


def test_the_sum_is_taken_in_double_precision(save, tmp_path):
    values = (1.0, 1e-8, 1e-8, -1.0)  # in single precision the small ones would be lost
    models = [save(f"m{n}", {"w": torch.tensor(value)}) for n, value in enumerate(values)]
    average_models(models, tmp_path / "mean")
    assert load_file(tmp_path / "mean/model.safetensors")["w"].item() == pytest.approx(0.5e-8)


def test_one_model_averages_to_itself(save, tmp_path):
    average_models([save("m", state(0.1, 3))], tmp_path / "mean")
    mean = load_file(tmp_path / "mean/model.safetensors")
    torch.testing.assert_close(mean, load_file(tmp_path / "m/model.safetensors"), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"sample_rate": 16000}, "sample_rate"),
        ({"model": {"a": {"b": 2}, "c": [1, 2]}}, "model.a.b"),
        ({"model": {"a": {"b": 1}}}, "model.c"),
        ({"task": "verification"}, "task"),
    ],
)
def test_models_of_another_config(save, tmp_path, config, path):
    models = [save("one", state(1.0, 1), **config), save("two", state(1.0, 1))]
    message = rf"one/config.yaml: {path}: not as in .*two/config.yaml. Only models of one config"
    with pytest.raises(ModelFileError, match=message):
        average_models(models, tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


@pytest.mark.parametrize("sizes", [{}, {"w": 3}, {"w": 2, "more": 1}])
def test_models_of_another_architecture(save, tmp_path, sizes):
    weights = {name: torch.zeros(size) for name, size in sizes.items()}
    models = [save("one", weights), save("two", {"w": torch.zeros(2)})]
    with pytest.raises(ModelFileError, match=r"one/model.safetensors: (w|more): missing, or not o"):
        average_models(models, tmp_path / "mean")


def test_where_an_average_may_not_go(save, tmp_path):
    models = [save("one", state(1.0, 1)), save("two", state(1.0, 1))]
    with pytest.raises(OutputError, match=r"two: is an input. Give the output another name"):
        average_models(models, tmp_path / "two")
    (tmp_path / "experiment/checkpoints").mkdir(parents=True)
    (tmp_path / "config.yaml").write_text("a: 1")
    for name in ("experiment", "config.yaml"):
        with pytest.raises(OutputError, match=rf"{name}: is there and is no model folder. Name a "):
            average_models(models, tmp_path / name)
    assert (tmp_path / "config.yaml").read_text() == "a: 1"
    with pytest.raises(OutputError, match=r"config.yaml: cannot be made a folder"):
        average_models(models, tmp_path / "config.yaml" / "mean")
    average_models(models, tmp_path / "mean")
    average_models(models[:1], tmp_path / "mean")  # an older average is replaced
