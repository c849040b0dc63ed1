import shutil

import numpy as np
import pytest
import torch

import wesep_like
from wesep_like.config.files import read_config
from wesep_like.errors import AudioError, ModelFileError, SilentSignalError
from wesep_like.inference import listener as module
from wesep_like.inference.embedder import Embedder
from wesep_like.inference.extractor import Extractor
from wesep_like.inference.signals import ShortEnrollmentWarning
from wesep_like.models.build import build_speaker
from wesep_like.models.model_file import load_model, save_model
from wesep_like.models.speakers import SPEAKERS


def noise(seconds, rate=16000, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(round(seconds * rate))).astype(np.float32)


@pytest.fixture(scope="module")
def embedder(tiny_model):
    return Embedder.load(tiny_model, "cpu")


@pytest.fixture
def tiny_encoder(tiny_model, tmp_path):
    """The folder of the tiny model's speaker module alone."""
    config = read_config(tiny_model / "config.yaml")
    section = {"speaker": config["model"]["speaker"]}
    config = {**config, "task": "verification", "model": section, "verification_threshold": 0.5}
    save_model(tmp_path / "encoder", load_model(tiny_model).speaker, config)
    return tmp_path / "encoder"


def test_it_is_the_speaker_module_and_nothing_else(embedder, tiny_model):
    speech = noise(1.5)
    with torch.no_grad():
        expected = load_model(tiny_model).speaker(torch.from_numpy(speech)[None]).embedding[0]
    found = embedder.embed(speech, 16000)
    assert found.dtype == np.float32
    assert found.shape == (8,)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_an_encoder_alone_does_as_its_extraction_model(embedder, tiny_encoder):
    encoder = wesep_like.load_encoder(tiny_encoder, "cpu")
    np.testing.assert_array_equal(encoder.embed(noise(1), 16000), embedder.embed(noise(1), 16000))
    assert encoder.threshold == 0.5
    assert embedder.threshold is None
    with pytest.raises(ModelFileError, match="is a speaker encoder, which extracts nothing"):
        Extractor.load(tiny_encoder, "cpu")


@pytest.mark.parametrize("kind", ["wavlm", "wav2vec2-bert"])
def test_a_self_supervised_encoder(write_checkpoint, tmp_path, kind):
    """One for plain verification, loaded without the folder that its front-end came from."""
    source = write_checkpoint(kind)
    section = {"name": "ssl_mhfa", "frontend": {"source": str(source)}, "embed_dim": 8}
    speaker = build_speaker({"speaker": section}, 16000)
    speaker.load_pretrained()
    written = {"speaker": SPEAKERS.resolved(section, "model.speaker")}
    config = {"task": "verification", "sample_rate": 16000, "model": written}
    save_model(tmp_path / "encoder", speaker, config)
    shutil.rmtree(source)
    speech = noise(1.5)
    with torch.no_grad():
        expected = speaker.eval()(torch.from_numpy(speech)[None]).embedding[0].numpy()
    encoder = wesep_like.load_encoder(tmp_path / "encoder", "cpu")
    np.testing.assert_allclose(encoder.embed(speech, 16000), expected, atol=1e-5)
    assert encoder.similarity(speech, speech, 16000) == pytest.approx(1)


def test_a_threshold_is_a_number(tiny_encoder):
    config = tiny_encoder / "config.yaml"
    config.write_text(config.read_text().replace("threshold: 0.5", "threshold: high"))
    with pytest.raises(ModelFileError, match="verification_threshold: expected a number, got"):
        wesep_like.load_encoder(tiny_encoder, "cpu")


def test_similarity_is_a_cosine(embedder):
    one, other = noise(2), noise(1, seed=1)
    a, b = (embedder.embed(speech, 16000) for speech in (one, other))
    expected = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert embedder.similarity(one, other, 16000) == pytest.approx(expected, abs=1e-5)
    assert embedder.similarity(other, one, 16000) == pytest.approx(expected, abs=1e-5)
    assert embedder.similarity(one, one, 16000) == pytest.approx(1, abs=1e-5)
    cue = embedder.cue(one, 16000)
    assert embedder.similarity(cue, other, 16000) == pytest.approx(expected, abs=1e-5)


def test_a_long_recording_is_heard_whole_in_pieces(embedder, monkeypatch):
    speech = noise(3.5)
    pieces = np.array_split(speech, 3)
    mean = np.mean([embedder.embed(piece, 16000) for piece in pieces], axis=0)
    monkeypatch.setattr(module, "PIECE_SECONDS", 1.2)
    np.testing.assert_allclose(embedder.embed(speech, 16000), mean, atol=1e-6)


def test_other_rates_are_resampled(embedder):
    time = np.arange(32000) / 16000
    tones = sum(0.05 * np.sin(2 * np.pi * hz * time) for hz in (200, 700, 1900, 3100))
    speech = tones.astype(np.float32)
    assert embedder.similarity(
        embedder.cue(speech, 16000),
        embedder.cue(speech[::2], 8000),
        16000,
    ) == pytest.approx(1, abs=0.05)


def test_messages(embedder):
    with pytest.raises(AudioError, match=r"a\.wav: too short \(10 ms\)"):
        embedder.embed(noise(0.01), 16000, where="a.wav")
    with pytest.raises(SilentSignalError, match="second: is silent"):
        embedder.similarity(noise(1), np.zeros(16000), 16000)
    with pytest.warns(ShortEnrollmentWarning, match=r"a\.wav: only 0\.50 s long"):
        embedder.embed(noise(0.5), 16000, where="a.wav")
