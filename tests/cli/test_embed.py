from pathlib import Path

import numpy as np
import pytest

from wesep_like.data.manifest import Utterance, write_manifest


@pytest.fixture
def manifest(make_wav):
    """Three utterances, of 1.1, 1.2 and 1.3 s."""
    utterances = []
    for number in range(3):
        make_wav(f"{number}.wav", 1.1 + 0.1 * number, seed=number)
        utterances.append(Utterance(f"u{number}", f"s{number}", f"{number}.wav", 17600, 16000))
    write_manifest("utterances.jsonl", utterances)


@pytest.mark.usefixtures("manifest")
def test_a_manifest_gives_ids_and_speakers(cli):
    said = cli("embed --utterances utterances.jsonl -o out.npz --model model")
    assert (said.code, said.err, said.out) == (0, "", "out.npz: 3 embeddings of 8 numbers\n")
    with np.load("out.npz", allow_pickle=False) as data:
        assert data["ids"].tolist() == ["u0", "u1", "u2"]
        assert data["speakers"].tolist() == ["s0", "s1", "s2"]
        assert data["paths"].tolist() == ["0.wav", "1.wav", "2.wav"]
        assert data["seconds"] == pytest.approx([1.1, 1.2, 1.3])
        assert str(data["model"]).endswith(" vad=none max_seconds=all")
    # The same again, by processes that have nothing left to do.
    said = cli("embed --utterances utterances.jsonl -o out.npz --model model --workers 2")
    assert said.out == "out.npz: 3 embeddings of 8 numbers, 3 of which were there\n"


@pytest.mark.usefixtures("manifest")
def test_an_archive_of_another_model_stays(cli, onnx_encoder):
    assert cli("embed 0.wav -o out.npz --model model").code == 0
    before = Path("out.npz").read_bytes()
    said = cli(f"embed 0.wav -o out.npz --model {onnx_encoder(6)}")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: out.npz: made by another model or otherwise (")
    assert said.err.endswith("Give the output another name, or delete that file\n")
    assert said.err.count("\n") == 1
    assert Path("out.npz").read_bytes() == before
    assert cli("embed 1.wav -o out.npz --model model --vad energy").code == 2


@pytest.mark.usefixtures("manifest")
def test_what_to_embed_is_said_once(cli):
    message = "error: embed: expected sound files, or a manifest as --utterances\n"
    assert cli("embed -o out.npz").err == message
    assert cli("embed 0.wav --utterances utterances.jsonl -o out.npz").err == message
    said = cli("embed --utterances gone.jsonl -o out.npz --model model")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert said.err.startswith("error: gone.jsonl: cannot be read")
