"""Self-supervised front-ends: read from where they are published, and saved with our models."""

import json
import shutil

import numpy as np
import pytest
import torch
from torch import nn

from wesep_like.audio.torchaudio_import import torchaudio
from wesep_like.errors import AudioError, ConfigError, MissingPackageError, ModelFileError
from wesep_like.models import build_speaker
from wesep_like.models.build import resolved_tse
from wesep_like.models.model_file import load_model, save_model
from wesep_like.models.speakers import SPEAKERS
from wesep_like.models.speakers.ssl import checkpoints
from wesep_like.models.speakers.ssl.inputs import StackedLogMel, WaveformInput

# By model_type, how its classes are called.
KINDS = {
    "wavlm": "WavLM",
    "hubert": "Hubert",
    "wav2vec2": "Wav2Vec2",
    "wav2vec2-bert": "Wav2Vec2Bert",
}


def section(source, name="ssl", **frontend):
    return {"name": name, "frontend": {"source": str(source), **frontend}, "embed_dim": 12}


def build(source, sample_rate=16000, **frontend):
    """A speaker module as training has it, in evaluation mode."""
    speaker = SPEAKERS.build(section(source, **frontend), "s", sample_rate=sample_rate)
    speaker.load_pretrained()
    return speaker.eval()


def speech(*shape):
    return 0.1 * torch.randn(*shape)


@pytest.mark.parametrize("kind", KINDS)
def test_its_states_are_those_of_the_published_model(write_checkpoint, kind):
    """The model and the extractor as `transformers` itself loads them from the folder."""
    import transformers

    folder = write_checkpoint(kind)
    samples = speech(2, 4003)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    model = getattr(transformers, f"{KINDS[kind]}Model").from_pretrained(folder).eval()
    heard = extractor(list(samples.numpy()), sampling_rate=16000, return_tensors="pt")
    with torch.no_grad():
        expected = model(**heard, output_hidden_states=True).hidden_states
        states = build(folder).frontend(samples)
    assert states.shape[:3] == (2, 16, 3)
    expected = torch.stack(expected, dim=2).permute(0, 3, 2, 1)[..., : states.shape[-1]]
    torch.testing.assert_close(states, expected, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("name", ["TINY_WAVLM", "TINY_WAV2VEC2"])
def test_its_states_are_those_of_the_pipeline(tiny_pipelines, name):
    samples = speech(1, 4003)
    model = getattr(torchaudio.pipelines, name).get_model()
    with torch.no_grad():
        states = build(name).frontend(samples)
        layers, _ = model.extract_features(samples)
        last, _ = model(samples)
    assert states.shape[:3] == (1, 16, 2)
    torch.testing.assert_close(states[:, :, 0], layers[0].transpose(1, 2))
    torch.testing.assert_close(states[:, :, 1], last.transpose(1, 2))


@pytest.mark.parametrize("length", [16000, 16160])  # an even and an odd number of frames
def test_stacked_features_are_those_of_the_extractor(length):
    transformers = pytest.importorskip("transformers", reason="wants the extra [ssl]")
    samples = speech(2, length)
    told = transformers.SeamlessM4TFeatureExtractor()(
        list(samples.numpy()), sampling_rate=16000, return_tensors="pt"
    )
    whole = int(told["attention_mask"][0].sum())
    features = StackedLogMel()(samples)
    assert features.shape == (2, whole, 160)
    torch.testing.assert_close(features, told["input_features"][:, :whole], atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("normalize", [True, False])
def test_waveforms_are_those_of_the_extractor(normalize):
    transformers = pytest.importorskip("transformers", reason="wants the extra [ssl]")
    samples = 0.01 * torch.randn(2, 1603) + 0.003
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=normalize)
    told = extractor(list(samples.numpy()), sampling_rate=16000, return_tensors="pt")
    heard = WaveformInput(normalize)(samples)
    torch.testing.assert_close(heard, told["input_values"], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "learning", [{}, {"lora_rank": 2}, {"bottleneck_dim": 3, "tuned": 1}], ids=str
)
def test_a_saved_model_wants_its_source_no_more(write_checkpoint, tmp_path, kind, learning):
    folder = write_checkpoint(kind)
    described = {"speaker": section(folder, **learning)}
    speaker = build(folder, **learning)
    for parameter in speaker.parameters():  # adapters, too, are not as they are at first
        nn.init.normal_(parameter, std=0.1)
    written = SPEAKERS.resolved(described["speaker"], "model.speaker")
    config = {"task": "verification", "sample_rate": 16000, "model": {"speaker": written}}
    save_model(tmp_path / "model", speaker, config)
    shutil.rmtree(folder)
    samples = speech(2, 4003)
    expected = speaker(samples).embedding
    assert torch.equal(load_model(tmp_path / "model")(samples).embedding, expected)


def test_a_saved_model_on_a_pipeline_fetches_nothing(tiny_pipelines, tmp_path):
    speaker = build("TINY_WAVLM", lora_rank=2)
    written = SPEAKERS.resolved(section("TINY_WAVLM", lora_rank=2), "s")
    config = {"task": "verification", "sample_rate": 16000, "model": {"speaker": written}}
    save_model(tmp_path / "model", speaker, config)
    shutil.rmtree(tmp_path / "torch")
    samples = speech(1, 4003)
    loaded = load_model(tmp_path / "model")
    assert torch.equal(loaded(samples).embedding, speaker(samples).embedding)


def test_what_is_written_of_a_source(write_checkpoint):
    folder = write_checkpoint("wavlm", normalize=False, do_stable_layer_norm=True)
    model = {
        "separator": {"name": "bsrnn"},
        "speaker": section(folder),
        "fusion": {"name": "film"},
    }
    written = resolved_tse(model)["speaker"]["frontend"]
    assert written["source"] == str(folder)
    assert written["normalize"] is False
    assert written["tuned"] == "none"
    architecture = written["architecture"]
    assert architecture["model_type"] == "wavlm"
    assert architecture["hidden_size"] == 16
    assert architecture["do_stable_layer_norm"] is True
    assert not {"architectures", "dtype", "transformers_version"} & set(architecture)
    # Said once, it is not read again.
    shutil.rmtree(folder)
    assert SPEAKERS.resolved({"name": "ssl", "frontend": written}, "s")["frontend"] == written


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_built_without_memory_or_weights(write_checkpoint, kind):
    folder = write_checkpoint(kind)
    (folder / "model.safetensors").write_bytes(b"nothing that could be read")
    with torch.device("meta"):
        speaker = SPEAKERS.build(section(folder, lora_rank=2, bottleneck_dim=2), "s", sample_rate=8)
    assert all(parameter.is_meta for parameter in speaker.parameters())


def test_a_model_with_a_head_is_taken_without_it(tmp_path, write_checkpoint):
    """As those on the hub that were tuned to text or speakers."""
    import transformers

    config = transformers.Wav2Vec2Config.from_pretrained(write_checkpoint("wav2vec2"))
    model = transformers.Wav2Vec2ForCTC(config)
    model.save_pretrained(tmp_path / "head")
    speaker = build(tmp_path / "head", normalize=True)
    own = speaker.frontend.model.state_dict()
    expected = model.wav2vec2.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in own.items())


def test_weights_in_half_precision_become_whole(write_checkpoint):
    import transformers

    folder = write_checkpoint("hubert")
    transformers.HubertModel.from_pretrained(folder).half().save_pretrained(folder)
    assert {p.dtype for p in build(folder).parameters()} == {torch.float32}


@pytest.mark.parametrize("kind", ["wavlm", "wav2vec2-bert"])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_other_sample_rates(write_checkpoint, kind, rate):
    speaker = build(write_checkpoint(kind), rate)
    assert speaker(speech(1, speaker.min_samples)).embedding.isfinite().all()
    with pytest.raises(AudioError, match="at 16000 Hz are too few for two frames. Give at least"):
        speaker(speech(1, speaker.min_samples // 2))


def test_at_another_rate_it_hears_the_same(write_checkpoint):
    folder = write_checkpoint("wav2vec2")
    time = np.arange(32000) / 32000
    voice = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 12))
    states = []
    for rate in (16000, 32000):
        samples = torch.tensor(voice[:: 32000 // rate], dtype=torch.float32)[None]
        torch.manual_seed(0)
        states.append(build(folder, rate)(samples).frames.values)
    assert (states[0] - states[1]).norm() < 0.02 * states[0].norm()


def broken(write_checkpoint, how):
    """The folder of a model with something wrong in it."""
    folder = write_checkpoint("wavlm")
    config = folder / "config.json"
    if how == "no config":
        config.unlink()
    elif how == "no weights":
        (folder / "model.safetensors").unlink()
    elif how == "no json":
        config.write_text("{")
    elif how == "no preprocessor":
        (folder / "preprocessor_config.json").unlink()
    elif how == "8 kHz":
        (folder / "preprocessor_config.json").write_text('{"sampling_rate": 8000}')
    else:
        config.write_text(json.dumps(json.loads(config.read_text()) | how))
    return folder


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no config", r"frontend.source: there is no config.json in the folder \S+wavlm$"),
        ("no weights", r"frontend.source: there are no weights in the folder \S+wavlm\. Expected"),
        ("no json", r"frontend.source: \S+config.json cannot be read$"),
        ("no preprocessor", r"frontend.normalize: missing, and \S+wavlm has no readable prepro"),
        ("8 kHz", r"frontend.source: \S+wavlm hears 8000 Hz. Expected a model at 16000 Hz"),
        (
            {"model_type": "bert"},
            r"frontend.source: \S+wavlm: expected the model_type wavlm, hubert, .*, got 'bert'$",
        ),
        # Some versions of transformers check the config, others fail to build of it.
        (
            {"hidden_size": "wide"},
            r"frontend.(source: \S+wavlm: no model can be built of it \(.*wi"
            r"|architecture: no model can be built of that of \S+wavlm \()",
        ),
        (
            {"hidden_size": 15},
            r"frontend.architecture: no model can be built of that of \S+wavlm \(",
        ),
    ],
    ids=str,
)
def test_folders_that_are_no_model(write_checkpoint, how, message):
    folder = broken(write_checkpoint, how)
    with pytest.raises(ConfigError, match=f"^model.speaker.{message}") as raised:
        build_speaker({"speaker": section(folder)}, 16000)
    assert len(str(raised.value).splitlines()) == 1


def test_what_the_hub_does_not_give(monkeypatch, tmp_path):
    pytest.importorskip("transformers", reason="wants the extra [ssl]")
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    message = r"^s.frontend.source: 'nobody/nothing' is no folder, and the hub does not give it \("
    with pytest.raises(ConfigError, match=message) as raised:
        build("nobody/nothing")
    assert len(str(raised.value).splitlines()) == 1
    small = {"model_type": "wav2vec2", "num_attention_heads": 2, "conv_dim": [8]}
    small |= {"hidden_size": 16, "conv_kernel": [9], "conv_stride": [9], "intermediate_size": 8}
    described = section("nobody/nothing", architecture=small, normalize=False)
    speaker = SPEAKERS.build(described, "s", sample_rate=16000)
    with pytest.raises(ModelFileError, match="^nobody/nothing: its weights cannot be read, or are"):
        speaker.load_pretrained()


@pytest.mark.parametrize("how", ["rubbish", "another size", "one missing"])
def test_weights_that_cannot_be_used(write_checkpoint, how):
    from safetensors.torch import load_file, save_file

    folder = write_checkpoint("hubert")
    path = folder / "model.safetensors"
    weights = load_file(path)
    if how == "another size":
        weights["encoder.layer_norm.bias"] = torch.zeros(3)
    if how == "one missing":
        del weights["encoder.layer_norm.bias"]
    save_file(weights, path, {"format": "pt"})
    if how == "rubbish":
        path.write_bytes(b"rubbish")
    message = {"one missing": r"1 weights of the model are missing \(as encoder.layer_norm.bias\)"}
    expected = message.get(how, "its weights cannot be read, or are not those of its config.json")
    with pytest.raises(ModelFileError, match=rf"^\S+hubert: {expected}"):
        build(folder)


@pytest.mark.parametrize("source", ["/nowhere/wavlm", "./wavlm"])
def test_folders_that_are_not_there(source):
    pytest.importorskip("transformers", reason="wants the extra [ssl]")
    with pytest.raises(ConfigError, match=f"^s.frontend.source: there is no folder {source}$"):
        build(source)


def test_pipelines_that_are_none(monkeypatch, tmp_path):
    message = (
        r"^s.frontend.source: torchaudio has no pipeline 'WAVLM_BAS' \(did you mean 'WAVLM_BASE'"
    )
    with pytest.raises(ConfigError, match=message):
        build("WAVLM_BAS")
    with pytest.raises(ConfigError, match="^s.frontend.normalize: known of torchaudio's pipeline"):
        build("WAVLM_BASE", normalize=True)


def test_weights_of_a_pipeline_that_are_not_to_be_had(tiny_pipelines, tmp_path):
    (tmp_path / "torch" / "hub" / "checkpoints" / "TINY_WAVLM.pth").write_bytes(b"rubbish")
    message = "^TINY_WAVLM: the weights of torchaudio's pipeline cannot be fetched or read"
    with pytest.raises(ModelFileError, match=message):
        build("TINY_WAVLM")


def test_without_the_package(monkeypatch):
    monkeypatch.setattr(checkpoints.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        MissingPackageError, match="is not installed. pip install 'transformers>=4.48'"
    ):
        build("microsoft/wavlm-base-plus")


def test_features_are_no_waveforms(write_checkpoint):
    with pytest.raises(ConfigError, match="^s.frontend.normalize: w2v-BERT 2.0 hears no waveforms"):
        build(write_checkpoint("wav2vec2-bert"), normalize=True)
