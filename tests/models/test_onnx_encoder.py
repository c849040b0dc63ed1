import sys

import onnx
import pytest
import torch
from onnx import numpy_helper

from wesep_like.errors import ConfigError, MissingPackageError, ModelFileError
from wesep_like.interop.published import PublishedEncoder
from wesep_like.models import build_speaker, build_tse
from wesep_like.models.model_file import load_model, save_model
from wesep_like.models.speakers import SPEAKERS


def build(path, **options):
    section = {"name": "onnx", "path": str(path), **options}
    return SPEAKERS.build(section, "model.speaker", sample_rate=16000).eval()


def speech(*shape):
    return 0.1 * torch.randn(*shape)


def expected(speaker, path, enrollment):
    """What the graph of `onnx_encoder` computes."""
    matrix = numpy_helper.to_array(onnx.load(path).graph.initializer[0])
    return speaker.fbank(enrollment).relu().mean(-1) @ torch.tensor(matrix)


@pytest.fixture
def section(tiny_section):
    """A small model with an ONNX encoder: `section(path)`."""
    return lambda path: {**tiny_section(), "speaker": {"name": "onnx", "path": str(path)}}


@pytest.mark.parametrize("batch", ["B", 1])
def test_it_computes_what_its_graph_says(onnx_encoder, batch):
    """Batches too, also where the graph takes one utterance at a time."""
    path = onnx_encoder(shape=(batch, "T", 80))
    speaker = build(path)
    enrollment = speech(3, 5003)
    cue = speaker(enrollment)
    assert (speaker.embed_dim, speaker.frame_dim, cue.frames) == (8, None, None)
    torch.testing.assert_close(cue.embedding, expected(speaker, path, enrollment))


@pytest.mark.parametrize(("option", "value"), [("window", "povey"), ("waveform_scale", 1e-6)])
def test_features_are_chosen(onnx_encoder, option, value):
    path, enrollment = onnx_encoder(), speech(1, 5003)
    speaker = build(path, **{option: value})
    found = speaker(enrollment).embedding
    torch.testing.assert_close(found, expected(speaker, path, enrollment))
    assert (found - build(path)(enrollment).embedding).norm() > 1e-3 * found.norm()


# The exporter by tracing, which is on its way out; its graphs are what has been published.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_an_encoder_of_ours_exported_as_wespeaker_exports(tiny_section, tmp_path):
    ours = SPEAKERS.build(tiny_section("ecapa_tdnn")["speaker"], "s", sample_rate=16000).eval()
    torch.onnx.export(
        PublishedEncoder(ours, {}).eval(),
        (torch.randn(1, 60, 80),),
        tmp_path / "a.onnx",
        input_names=["feats"],
        output_names=["embs"],
        dynamic_axes={"feats": {0: "B", 1: "T"}, "embs": {0: "B"}},
        opset_version=14,
        dynamo=False,
    )
    speaker = build(tmp_path / "a.onnx")
    enrollment = speech(2, 8003)
    torch.testing.assert_close(
        speaker(enrollment).embedding, ours(enrollment).embedding, atol=1e-4, rtol=1e-3
    )


def test_enrollments_of_different_lengths(onnx_encoder):
    speaker = build(onnx_encoder())
    lengths = torch.tensor([5003, 2407, 5003])
    enrollment = speech(3, 5003)
    cue = speaker.cue(enrollment, lengths)
    for row, length in enumerate(lengths):
        alone = speaker(enrollment[row : row + 1, :length]).embedding
        torch.testing.assert_close(cue.embedding[row : row + 1], alone)


def test_it_is_frozen_unasked(onnx_encoder, section):
    model = build_tse(section(onnx_encoder()), 16000).train()
    assert model.is_speaker_frozen
    assert not model.speaker.training
    assert not list(model.speaker.parameters())
    model(speech(2, 1603), speech(2, 2407)).estimates.sum().backward()
    assert all(p.grad is not None for p in model.separator.parameters())


def test_a_saved_model_needs_no_other_file(onnx_encoder, section, tmp_path):
    path = onnx_encoder()
    model = build_tse(section(path), 16000).eval()
    signals = speech(1, 1603), speech(1, 2407)
    config = {"task": "extraction", "sample_rate": 16000, "model": section(path)}
    save_model(tmp_path / "model", model, config)
    encoder = {"speaker": config["model"]["speaker"]}
    alone = {"task": "verification", "sample_rate": 16000, "model": encoder}
    save_model(tmp_path / "encoder", build_speaker(encoder, 16000), alone)
    path.unlink()
    found = load_model(tmp_path / "model")(*signals)
    assert torch.equal(found.estimates, model(*signals).estimates)
    assert torch.equal(load_model(tmp_path / "encoder")(signals[1]).embedding, found.cue.embedding)


def test_weights_of_another_graph(onnx_encoder):
    one, other = build(onnx_encoder(seed=0)), build(onnx_encoder(seed=1))
    enrollment = speech(1, 2407)
    one.load_state_dict(other.state_dict())
    assert torch.equal(one(enrollment).embedding, other(enrollment).embedding)


def test_a_graph_of_another_size(onnx_encoder):
    speaker, narrow = build(onnx_encoder(8)), onnx_encoder(4)
    data = bytearray(narrow.read_bytes())
    # As long as the other: readers of protobuf skip a field that they do not know.
    filler = len(speaker.graph) - len(data)
    tag = (1000 << 3) | 2
    head = bytes([tag & 127 | 128, tag >> 7])
    size = filler - len(head) - 2
    data += head + bytes([size & 127 | 128, size >> 7]) + bytes(size)
    with pytest.raises(ModelFileError, match="from 80 bins to 4 numbers. The model was bui"):
        speaker.load_state_dict({"graph": torch.frombuffer(data, dtype=torch.uint8)})


def test_it_follows_the_number_of_threads(onnx_encoder, monkeypatch):
    speaker = build(onnx_encoder())
    enrollment = speech(1, 2407)
    before = speaker(enrollment).embedding
    # Only said to be: once it is set, some builds of torch solve equations wrongly.
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    torch.testing.assert_close(speaker(enrollment).embedding, before)
    assert speaker._opened.num_threads == 3


def test_building_without_memory(onnx_encoder, section):
    with torch.device("meta"):
        model = build_tse(section(onnx_encoder(6)), 16000)
    assert model.speaker.embed_dim == 6


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"shape": ("B", "T")}, "takes feats (float) ['B', 'T'] and gives embs"),
        ({"shape": ("B", 200, 80)}, "takes feats (float) ['B', 200, 80]"),
        ({"shape": ("B", "T", "F")}, "takes feats (float) ['B', 'T', 'F']"),
        ({"shape": (4, "T", 80)}, "takes feats (float) [4, 'T', 80]"),
        ({"kind": "INT64"}, "takes feats (int64)"),
        ({"outputs": ("embs", "more")}, "and more (float)"),
        ({"shape": ("B", "T", 72)}, "not an ONNX graph that runs ("),  # its layer wants 80
        ({"keeps_frames": True}, "gives an output of shape (1, 1, 8) for one utterance."),
    ],
)
def test_graphs_that_are_no_encoder(onnx_encoder, changes, found):
    path = onnx_encoder(**changes)
    with pytest.raises(ConfigError) as raised:
        build(path)
    assert str(raised.value).startswith(f"model.speaker.path: {path}: ")
    assert found in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("data", [b"", b"no graph at all", bytes(100), b"\x08\x08"])
def test_files_that_are_no_graph(tmp_path, data):
    (tmp_path / "a.onnx").write_bytes(data)
    with pytest.raises(ConfigError, match=r"a\.onnx: not an ONNX graph that runs \(.*\)") as raised:
        build(tmp_path / "a.onnx")
    assert "\n" not in str(raised.value)


def test_no_file(tmp_path):
    with pytest.raises(ConfigError, match=r"path: .*/a\.onnx: cannot be read \(No such file"):
        build(tmp_path / "a.onnx")


def test_weights_in_a_file_of_their_own(onnx_encoder):
    path = onnx_encoder(weights_file="weights.bin")
    with pytest.raises(ConfigError, match=r"has weights in a file beside it \(as matrix\)\. Expec"):
        build(path)
    onnx.save(onnx.load(path), path.with_name("whole.onnx"))  # as the message says
    assert build(path.with_name("whole.onnx")).embed_dim == 8


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package(onnx_encoder, monkeypatch, package):
    path = onnx_encoder()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match="'pip install onnx onnxruntime'"):
        build(path)


def test_too_few_frames_for_its_graph(onnx_encoder, monkeypatch):
    speaker = build(onnx_encoder())

    def fail(*args):
        raise RuntimeError("kernel too wide")

    monkeypatch.setattr(speaker._opened, "_session", type("Session", (), {"run": fail})())
    with pytest.raises(ModelFileError, match=r"fails on 13 frames of features \(kernel too wide\)"):
        speaker(speech(1, 2407))


def test_what_wants_frames(onnx_encoder, section):
    with pytest.raises(ConfigError, match="tf_map: 'frames' wants a speaker module that keeps the"):
        build_tse({**section(onnx_encoder()), "tf_map": "frames"}, 16000)
    wanting = {**section(onnx_encoder()), "fusion": {"name": "cross_attention"}}
    message = "'cross_attention' wants frames, which the speaker module 'onnx' does not give"
    with pytest.raises(ConfigError, match=message):
        build_tse(wanting, 16000)
