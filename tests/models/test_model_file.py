import pickle

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from wesep_like import bundle
from wesep_like.errors import ModelFileError
from wesep_like.models import TSEModel, build_speaker
from wesep_like.models.model_file import (
    load_model,
    read_model_config,
    resolve_model_folder,
    save_model,
)


def speech(*shape):
    return 0.1 * torch.randn(*shape)


@pytest.fixture
def config(tiny_section):
    return {"task": "extraction", "sample_rate": 8000, "model": tiny_section(), "seed": 1}


@pytest.fixture
def model(tiny_model):
    """Trained as far as that its statistics and its FiLM are no longer what they start from."""
    model = tiny_model(sample_rate=8000).train()
    with torch.no_grad():
        for parameter in model.fusions.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        model(speech(3, 1603), speech(3, 2407))
    return model.eval()


@pytest.fixture
def folder(tmp_path, model, config):
    save_model(tmp_path / "exp" / "model", model, config)
    return tmp_path / "exp" / "model"


def edit_config(folder, **changes):
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))


def test_what_is_loaded_computes_the_same(folder, model):
    loaded = load_model(folder)
    assert isinstance(loaded, TSEModel)
    assert not loaded.training
    assert loaded.sample_rate == 8000
    mixture, enrollment = speech(2, 1603), speech(2, 2407)
    expected = model(mixture, enrollment).estimates
    torch.testing.assert_close(loaded(mixture, enrollment).estimates, expected, atol=0, rtol=0)
    assert sorted(path.name for path in folder.iterdir()) == ["config.yaml", "model.safetensors"]
    assert sorted(path.name for path in folder.parent.iterdir()) == ["model"]


def test_a_speaker_encoder(tmp_path, tiny_section):
    section = {"speaker": tiny_section()["speaker"]}
    speaker = build_speaker(section, 16000).eval()
    config = {"task": "verification", "sample_rate": 16000, "model": section}
    save_model(tmp_path / "encoder", speaker, config)
    enrollment = speech(2, 2407)
    loaded = load_model(tmp_path / "encoder")
    torch.testing.assert_close(loaded(enrollment).embedding, speaker(enrollment).embedding)


def test_half_precision(tmp_path, model, config):
    save_model(tmp_path / "model", model, config, half_precision=["speaker"])
    stored = load_file(tmp_path / "model" / "model.safetensors")
    for key, value in stored.items():
        is_half = key.startswith("speaker.") and not key.endswith("num_batches_tracked")
        assert (value.dtype == torch.float16) == is_half, key
    loaded = load_model(tmp_path / "model")
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    enrollment = speech(2, 2407)
    cosine = torch.cosine_similarity(
        loaded.cue(enrollment).embedding, model.cue(enrollment).embedding
    )
    assert cosine.min() > 0.999
    for key, value in model.separator.state_dict().items():
        assert value.equal(loaded.separator.state_dict()[key])


def test_an_older_model_is_replaced_as_a_whole(folder, tiny_model, config):
    (folder / "leftover").touch()
    other = tiny_model(sample_rate=8000)
    save_model(folder, other, config)
    assert sorted(path.name for path in folder.iterdir()) == ["config.yaml", "model.safetensors"]
    weight = load_model(folder).state_dict()["fusions.0.gamma.weight"]
    assert weight.equal(other.state_dict()["fusions.0.gamma.weight"])


def test_a_failed_save_leaves_the_older_model(folder, model, config):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(Exception, match="cannot represent an object"):
        save_model(folder, model, {**config, "seed": object()})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert sorted(path.name for path in folder.parent.iterdir()) == ["model"]


def test_no_model(tmp_path):
    with pytest.raises(ModelFileError, match=r"nothing: not a model \(no such folder, or no con"):
        load_model(tmp_path / "nothing")
    with pytest.raises(ModelFileError, match=r"not a model \(no such folder, or no config\.yaml"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"task": "speling"},
            "task: expected one of extraction, .*, got 'speling'",
        ),
        (
            {"task": None},
            "task: expected one of extraction, .*, got None",
        ),
        (
            {"task": ["extraction"]},
            r"task: expected one of extraction, .*, got \[",
        ),
        ({"sample_rate": "16k"}, r"expected the keys sample_rate \(Hz\) and model"),
        ({"model": []}, r"expected the keys sample_rate \(Hz\) and model"),
        ({"model": {"speaker": {"name": "x"}}}, "model.separator: missing.*; model.fusion: miss"),
    ],
)
def test_a_config_that_describes_no_model(folder, changes, message):
    edit_config(folder, **changes)
    with pytest.raises(ModelFileError, match=rf"model/config\.yaml: {message}"):
        load_model(folder)


def test_a_config_that_is_no_yaml(folder):
    (folder / "config.yaml").write_text("a: [1\n")
    with pytest.raises(ModelFileError, match=r"config\.yaml:\d: is not YAML"):
        read_model_config(folder)


@pytest.mark.parametrize("content", [b"", b"not weights", b"\xff" * 100, pickle.dumps({"a": 1})])
def test_weights_that_are_none(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"model\.safetensors: not a safetensors file, or dam"):
        load_model(folder)


def test_weights_that_are_cut_short(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ModelFileError, match=r"model\.safetensors: not a safetensors file, or dam"):
        load_model(folder)


def test_weights_of_another_architecture(folder, config, tiny_section):
    edit_config(folder, model=tiny_section("resnet18", "add", "first"))
    with pytest.raises(
        ModelFileError,
        match=r"model\.safetensors: belongs to another architecture: .* missing \(as .*unexpected",
    ):
        load_model(folder)


def test_weights_that_do_not_fit_exactly(folder):
    path = folder / "model.safetensors"
    weights = load_file(path)
    key = "fusions.0.gamma.weight"
    total = len(weights)
    for changed, message in (
        ({k: v for k, v in weights.items() if k != key}, rf"1 missing \(as {key}\)"),
        ({**weights, "extra": torch.ones(1)}, r"1 unexpected \(as extra\)"),
        (
            {**weights, key: weights[key][:1]},
            rf"1 of another shape \(as {key}: 1 x 12, not {weights[key].shape[0]} x 12\)",
        ),
    ):
        save_file({k: v.contiguous() for k, v in changed.items()}, path)
        with pytest.raises(
            ModelFileError, match=f"of {total} tensors of the model, {message}. Use the config"
        ):
            load_model(folder)


def test_code_from_elsewhere_is_not_run_unasked(folder, config):
    section = {**config["model"], "fusion": {"name": "surely_not_imported:Fusion"}}
    edit_config(folder, model=section)
    with pytest.raises(ModelFileError, match=r"config\.yaml: model\.fusion\.name: .*trust_code="):
        load_model(folder)
    with pytest.raises(ModelFileError, match=r"config\.yaml: model\.fusion\.name: .* be imported"):
        load_model(folder, trust_code=True)


def test_what_a_user_may_call_a_model(folder):
    for path in (folder, folder.parent, folder / "config.yaml", folder / "model.safetensors"):
        assert resolve_model_folder(path) == folder
        assert resolve_model_folder(str(path)) == folder


@pytest.mark.parametrize("name", [None, "bundled"])
def test_the_bundled_model(tmp_path, monkeypatch, name):
    monkeypatch.setattr(bundle, "path", lambda: tmp_path)
    with pytest.raises(ModelFileError, match="extraction: the bundled model is missing. Install"):
        resolve_model_folder(name)
    (tmp_path / "extraction").mkdir()
    assert resolve_model_folder(name) == tmp_path / "extraction"


def test_what_is_no_model(folder, tmp_path):
    with pytest.raises(ModelFileError, match=r"no/model: no such file or folder\. Name an exp"):
        resolve_model_folder(tmp_path / "no" / "model")
    (tmp_path / "a.wav").touch()
    with pytest.raises(ModelFileError, match=r"a\.wav: not a model\. Name the folder that holds"):
        resolve_model_folder(tmp_path / "a.wav")
