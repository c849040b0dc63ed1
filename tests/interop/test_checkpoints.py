import os
import pickle
import re

import numpy as np
import pytest
import torch

from wesep_like.audio import io
from wesep_like.errors import ModelFileError
from wesep_like.interop.checkpoints import read_published_encoder
from wesep_like.models.model_file import load_weights
from wesep_like.models.speakers import SPEAKERS


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("wespeaker_campplus", {"name": "campplus", "embed_dim": 512}),
        ("wespeaker_resnet34", {"name": "resnet34", "embed_dim": 256}),
        ("wespeaker_ecapa_glob_c512", {"name": "ecapa_tdnn", "embed_dim": 192}),
        ("wespeaker_xvector", {"name": "xvector", "embed_dim": 512}),
    ],
)
def test_published_encoders(interop_case, tmp_path, name, section):
    case = interop_case(name)
    path = tmp_path / "avg_model.pt"
    torch.save({**case.state, "projection.weight": torch.ones(3, 2)}, path)
    speaker = SPEAKERS.build(section, "speaker", sample_rate=16000).eval()
    load_weights(speaker, read_published_encoder(path), path)
    with torch.no_grad():
        embedding = speaker.encode(case.input("fbank").transpose(1, 2)).embedding
    expected = case.outputs["embedding"]
    assert (embedding - expected).norm() / expected.norm() < 1e-4


def test_the_pretrained_encoder_tells_speakers_apart(shared):
    path = shared / "pretrained" / "campplus_cn_en_common.pt"
    section = {"name": "campplus", "window": "povey", "waveform_scale": 1.0}
    speaker = SPEAKERS.build(section, "speaker", sample_rate=16000).eval()
    load_weights(speaker, read_published_encoder(path), path)
    folders = sorted((shared / "corpus" / "LibriSpeech" / "test-other").iterdir())[:3]
    embeddings = []
    for folder in folders:
        for file in sorted(folder.rglob("*.flac"))[:2]:
            samples = io.read(file, num_samples=32000).samples
            with torch.no_grad():
                embeddings.append(speaker(torch.from_numpy(samples)[None]).embedding[0].numpy())
    unit = np.stack(embeddings)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    cosines = unit @ unit.T
    is_same = np.kron(np.eye(3), np.ones((2, 2))) > 0  # two utterances of each of three
    assert cosines[is_same].min() > 0.4
    assert cosines[~is_same].max() < 0.3


def test_an_eres2net_of_3d_speaker(tmp_path):
    """Where WeSpeaker has the first convolution of a block apart, there it is one of the list."""
    section = {"name": "eres2net34", "channels": 8, "num_slices": 3, "embed_dim": 12}
    state = SPEAKERS.build(section, "speaker", sample_rate=16000).state_dict()

    def renamed(key):
        key = re.sub(
            r"^(layer[34]\.\d+\.(conv|bn)s)\.(\d+)", lambda m: f"{m[1]}.{int(m[3]) + 1}", key
        )
        return key.replace("conv2_1.", "convs.0.").replace("bn2_1.", "bns.0.")

    theirs = {renamed(key): value for key, value in state.items()}
    assert "layer3.0.convs.2.weight" in theirs
    torch.save(theirs, tmp_path / "a.ckpt")
    found = read_published_encoder(tmp_path / "a.ckpt")
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], state[key]) for key in state)
    # One of WeSpeaker stays as it is.
    torch.save(state, tmp_path / "a.pt")
    assert list(read_published_encoder(tmp_path / "a.pt")) == list(state)


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
def test_tensors_may_be_wrapped(tmp_path, wrapper):
    state = {"layer.weight": torch.ones(2), "projection.weight": torch.ones(2)}
    torch.save(state if wrapper is None else {wrapper: state, "epoch": 3}, tmp_path / "a.pt")
    assert list(read_published_encoder(tmp_path / "a.pt")) == ["layer.weight"]


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("pwned",)


@pytest.mark.parametrize("as_torch", [True, False])
def test_code_in_a_checkpoint_is_not_run(tmp_path, monkeypatch, as_torch):
    monkeypatch.chdir(tmp_path)
    state = {"layer.weight": Malicious()}
    if as_torch:
        torch.save(state, "a.pt")
    else:
        (tmp_path / "a.pt").write_bytes(pickle.dumps(state))
    with pytest.raises(
        ModelFileError, match=r"^a\.pt: not a checkpoint of weights \(.*\)\. Expected"
    ):
        read_published_encoder("a.pt")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"not a checkpoint", b"PK\x03\x04 no zip", b"RIFF" + bytes(100), b"\x80\x02"],
)
def test_files_that_are_no_checkpoint(tmp_path, content):
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"a\.pt: not a checkpoint of weights") as raised:
        read_published_encoder(tmp_path / "a.pt")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("state", [[1, 2], {"a": 1}, torch.ones(2), {"model": {"a": "text"}}])
def test_checkpoints_that_hold_no_tensors(tmp_path, state):
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(ModelFileError, match="not a checkpoint of weights. Expected a dictionary"):
        read_published_encoder(tmp_path / "a.pt")


def test_a_checkpoint_that_is_cut_short(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"layer.weight": torch.ones(1000)}, path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ModelFileError, match="not a checkpoint of weights"):
        read_published_encoder(path)


def test_no_file(tmp_path):
    with pytest.raises(ModelFileError, match="no such file. Name a checkpoint or a model folder"):
        read_published_encoder(tmp_path / "no.pt")
    with pytest.raises(ModelFileError, match="no such file"):
        read_published_encoder(tmp_path)
