"""Models that were published by others are named like our own."""

import pytest
import torch

from wesep_like import load_encoder, load_model
from wesep_like.config.files import write_config
from wesep_like.errors import ModelFileError
from wesep_like.inference.models import find_model
from wesep_like.interop import load_published


def publish(folder, config, checkpoint):
    folder.mkdir()
    write_config(folder / "config.yaml", config)
    torch.save(checkpoint, folder / "avg_model.pt")
    return folder


def test_a_published_extraction_model(interop_case, tmp_path):
    case = interop_case("wesep_bsrnn_film_multifuse_wav")
    config = {
        "model": {"tse_model": "BSRNN"},
        "model_args": {"tse_model": case.args},
        "num_epochs": 150,
    }
    folder = publish(tmp_path / "bsrnn", config, {"models": [case.state], "epoch": 3})
    extractor = load_model(folder)
    assert extractor.sample_rate == 16000
    mixture, enrollment = case.input("mixture"), case.input("enrollment")
    expected = load_published("WeSep BSRNN", case.args, case.state)(mixture, enrollment)
    found = extractor.extract(mixture[0], enrollment[0], 16000)
    # At the level of the mixture.
    assert torch.cosine_similarity(found, expected[0].detach(), dim=0) > 0.99999
    assert find_model(folder).config["model"]["separator"]["num_blocks"] == 2
    # Its speaker module serves by itself, too.
    assert load_encoder(folder).cue(enrollment[0], 16000).embedding.shape == (1, 256)


def test_a_published_encoder(interop_case, tmp_path):
    case = interop_case("wespeaker_resnet34")
    config = {"model": "ResNet34", "model_args": case.args, "dataset_args": {"num_frms": 200}}
    state = {**case.state, "projection.weight": torch.ones(3, 256)}
    folder = publish(tmp_path / "resnet34", config, state)
    embedding = load_encoder(folder).cue(torch.randn(24000), 16000).embedding
    assert embedding.shape == (1, 256)
    with pytest.raises(ModelFileError, match="resnet34: is a speaker encoder, which extracts not"):
        load_model(folder)


def test_a_model_without_an_encoder(interop_case, tmp_path):
    case = interop_case("wesep_bsrnn_film_multifuse_wav")
    config = {
        "model": {"tse_model": "BSRNN"},
        "model_args": {"tse_model": {**case.args, "joint_training": False}},
    }
    state = {key: value for key, value in case.state.items() if not key.startswith("spk_model.")}
    folder = publish(tmp_path / "bsrnn", config, {"models": [state]})
    with pytest.raises(ModelFileError, match="joint_training is false: the model takes embeddings"):
        load_model(folder)


def test_a_config_of_something_else(tmp_path):
    folder = publish(tmp_path / "other", {"model": "ResNet34"}, {})
    with pytest.raises(ModelFileError, match=r"config.yaml: expected the keys model and model_arg"):
        load_model(folder)


def test_an_encoder_as_an_onnx_file(onnx_encoder):
    path = onnx_encoder(6, name="voxceleb.onnx")
    encoder = load_encoder(path, "cpu")
    speech = 0.1 * torch.randn(24000)
    assert encoder.sample_rate == 16000
    speaker = find_model(str(path)).model
    expected = speaker(speech[None]).embedding[0]
    torch.testing.assert_close(torch.from_numpy(encoder.embed(speech, 16000)), expected)
    with pytest.raises(ModelFileError, match=r"/voxceleb\.onnx: is a speaker encoder, which"):
        load_model(path)


def test_an_onnx_file_that_is_none(tmp_path):
    with pytest.raises(ModelFileError, match=r"^no\.onnx: cannot be read \(No such file"):
        load_encoder("no.onnx")
    (tmp_path / "a.onnx").write_text("text")
    with pytest.raises(ModelFileError, match=rf"^{tmp_path}/a\.onnx: not an ONNX graph that runs"):
        load_encoder(tmp_path / "a.onnx")
