import json
from pathlib import Path

import numpy as np
import pytest

from wesep_like.inference.embedder import Embedder
from wesep_like.models.build import build_speaker
from wesep_like.models.model_file import save_model
from wesep_like.models.speakers import SPEAKERS


@pytest.fixture
def voices(make_wav):
    """Four recordings, of different rates."""
    for number, rate in enumerate((16000, 8000, 44100, 16000)):
        make_wav(f"{number}.wav", 1.2, rate, seed=number)


@pytest.mark.usefixtures("voices")
def test_verify_gives_the_score(cli):
    said = cli("verify 0.wav 1.wav --model model --json")
    assert (said.code, said.err) == (0, "")
    result = json.loads(said.out)
    score = result.pop("score")
    assert result == {"first": "0.wav", "second": "1.wav", "threshold": None, "same_speaker": None}
    assert cli("verify 0.wav 1.wav --model model").out == f"score {score:.3f}\n"
    embedder = Embedder.load("model", "cpu")
    from wesep_like.audio.io import read

    one, other = (embedder.embed(w.samples, w.sample_rate) for w in map(read, ("0.wav", "1.wav")))
    cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    assert score == pytest.approx(cosine, abs=1e-5)
    assert json.loads(cli("verify 0.wav 0.wav --model model --json").out)["score"] == (
        pytest.approx(1, abs=1e-5)
    )


@pytest.mark.usefixtures("voices")
def test_verify_decides_by_a_threshold(cli):
    line = "verify 0.wav 1.wav --model model --threshold"
    assert cli(f"{line} -1").out.endswith(", same speaker (threshold -1)\n")
    assert cli(f"{line} 1.5").out.endswith(", different speakers (threshold 1.5)\n")
    assert json.loads(cli(f"{line} 1.5 --json").out)["same_speaker"] is False
    # The model's own, where it has one.
    Path("own").mkdir()
    config = Path("model/config.yaml").read_text()
    Path("own/config.yaml").write_text(f"{config}verification_threshold: -0.5\n")
    Path("own/model.safetensors").write_bytes(Path("model/model.safetensors").read_bytes())
    said = cli("verify 0.wav 1.wav --model own")
    assert said.out.endswith(", same speaker (threshold -0.5)\n")
    assert "same speaker from a score of -0.5\n" in cli("info own").out


@pytest.mark.usefixtures("voices")
def test_embed_writes_a_row_for_each_recording(cli, place):
    said = cli("embed 0.wav ./1.wav 2.wav -o out.npz --model model")
    assert (said.code, said.err) == (0, "")
    assert said.out == "out.npz: 3 embeddings of 8 numbers\n"
    with np.load("out.npz") as data:
        assert data["paths"].tolist() == ["0.wav", "1.wav", "2.wav"]
        assert data["embeddings"].dtype == np.float32
        embeddings = data["embeddings"]
    embedder = Embedder.load(place / "model", "cpu")
    from wesep_like.audio.io import read

    wave = read("2.wav")
    np.testing.assert_allclose(embeddings[2], embedder.embed(wave.samples, 44100), atol=1e-6)


@pytest.mark.usefixtures("voices")
def test_embed_leaves_out_what_is_no_recording(cli):
    said = cli("embed 0.wav nowhere.wav 2.wav -o out.npz --model model")
    assert said.code == 1
    assert said.err == "error: nowhere.wav: there is no such file\n"
    with np.load("out.npz") as data:
        assert data["paths"].tolist() == ["0.wav", "2.wav"]
    said = cli("embed nowhere.wav elsewhere.wav -o none.npz --model model")
    assert said.code == 2
    assert said.err.count("error: ") == 2
    assert not Path("none.npz").exists()


@pytest.mark.usefixtures("voices")
def test_embed_asks_for_an_output_that_can_be(cli):
    assert cli("embed 0.wav -o out.npy --model model").err == (
        "error: out.npy: no format to write has the suffix '.npy'. Known: .npz\n"
    )
    assert "there is no folder" in cli("embed 0.wav -o nowhere/out.npz --model model").err
    Path("0.npz").write_bytes(Path("0.wav").read_bytes())
    assert cli("embed 0.npz -o 0.npz --model model").err.startswith("error: 0.npz: is an input")


@pytest.mark.usefixtures("voices")
def test_trials_become_scores_and_error_rates(cli):
    Path("trials.txt").write_text("1 0.wav 0.wav\n0 0.wav 1.wav\n1 2.wav 2.wav\n0 2.wav 3.wav\n")
    said = cli("score trials.txt -o scores.txt --model model")
    assert (said.code, said.err) == (0, "")
    assert said.out == "scores.txt: 4 of 4 trials scored\n"
    said = cli("eer scores.txt --json")
    assert (said.code, said.err) == (0, "")
    result = json.loads(said.out)
    assert result["eer"] == 0  # a recording is nearest to itself
    assert result["num_trials"] == 4
    assert set(result["min_dcf"]) == {"0.01", "0.05"}
    assert cli("eer scores.txt trials.txt --json").out == said.out
    lines = cli("eer scores.txt").out
    assert lines.startswith("EER 0.00 % at a score of ")
    assert "\nno intervals over speakers: it is not known who speaks (--utterances)\n" in lines
    assert "\nactDCF and Cllr mean something only if scores are log-likelihood ratios" in lines
    assert lines.endswith("\n4 trials, 2 of them target trials\n")


@pytest.mark.usefixtures("voices")
def test_a_recording_that_is_none_costs_its_trials_only(cli):
    Path("empty.wav").touch()
    Path("trials.txt").write_text("1 0.wav 1.wav\n0 0.wav empty.wav\n")
    said = cli("score trials.txt -o scores.txt --model model")
    assert said.code == 1
    assert said.err == "error: empty.wav: is empty (0 bytes)\n"
    assert said.out == "scores.txt: 1 of 2 trials scored\n"
    Path("trials.txt").write_text("0 empty.wav empty.wav\n")
    said = cli("score trials.txt -o none.txt --model model")
    assert (said.code, said.err) == (2, "error: empty.wav: is empty (0 bytes)\n")
    assert not Path("none.txt").exists()


@pytest.mark.usefixtures("voices")
def test_trials_that_are_none(cli):
    Path("bad.txt").write_text("0.wav\n")
    Path("lost.txt").write_text("0.wav 9.wav\n")
    Path("unlabelled.txt").write_text("0.wav 1.wav 0.5\n")
    before = Path("lost.txt").read_bytes()
    for line, error in {
        "score bad.txt -o s.txt": "bad.txt:1: expected '1 a b'",
        "score lost.txt -o s.txt": "9.wav: there is no file 9.wav",
        "score lost.txt -o nowhere/s.txt": "nowhere/s.txt: there is no folder",
        "score nowhere.txt -o s.txt": "nowhere.txt: cannot be read",
        "eer unlabelled.txt": "0.wav 1.wav: not said whether it is a target trial",
        "eer bad.txt": "bad.txt:1: expected 'a b score'",
        "eer nowhere.txt": "nowhere.txt: cannot be read",
    }.items():
        said = cli(line if line.startswith("eer") else f"{line} --model model")
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"error: {error}")
        assert said.err.count("\n") == 1
    Path("itself.txt").write_text("0.wav 1.wav\n")
    said = cli("score itself.txt -o itself.txt --model model")
    assert said.err.startswith("error: itself.txt: is an input")
    assert Path("lost.txt").read_bytes() == before
    assert not Path("s.txt").exists()


@pytest.mark.usefixtures("voices")
def test_audio_may_lie_elsewhere(cli):
    Path("lists").mkdir()
    Path("lists/trials.txt").write_text("0.wav 1.wav\n")
    assert cli("score lists/trials.txt -o s.txt --model model").code == 2
    assert cli("score lists/trials.txt -o s.txt --model model --root .").code == 0
    assert len(Path("s.txt").read_text().split()) == 3


@pytest.mark.usefixtures("voices")
def test_an_onnx_file_is_a_model(cli, onnx_encoder):
    model = onnx_encoder(6)
    said = cli(f"embed 0.wav 1.wav -o out.npz --model {model}")
    assert (said.code, said.err) == (0, "")
    assert said.out == "out.npz: 2 embeddings of 6 numbers\n"
    with np.load("out.npz") as data:
        one, other = data["embeddings"]
    cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    score = json.loads(cli(f"verify 0.wav 1.wav --model {model} --json").out)["score"]
    assert score == pytest.approx(cosine, abs=1e-5)
    Path("trials.txt").write_text("0.wav 1.wav\n")
    assert cli(f"score trials.txt -o scores.txt --model {model}").code == 0
    assert float(Path("scores.txt").read_text().split()[2]) == pytest.approx(cosine, abs=1e-5)
    assert f"model: {model}\ntask: verification\n" in cli(f"info {model}").out
    said = cli(f"extract 0.wav --enroll 1.wav -o out.wav --model {model}")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"error: {model}: is a speaker encoder, which extracts nothing")


@pytest.mark.usefixtures("voices")
def test_silence_is_heard_unless_it_is_said_otherwise(cli, make_wav):
    import soundfile

    voice, rate = soundfile.read("0.wav")
    soundfile.write("padded.wav", np.concatenate([np.zeros(5 * rate), voice]), rate)
    Path("trials.txt").write_text("padded.wav 0.wav\n")

    def scores(more):
        line = f"verify padded.wav 0.wav --model model --json {more}"
        assert cli(f"score trials.txt -o scores.txt --model model {more}").code == 0
        Path("out.npz").unlink(missing_ok=True)
        assert cli(f"embed padded.wav 0.wav -o out.npz --model model {more}").code == 0
        with np.load("out.npz") as data:
            one, other = data["embeddings"]
        yield json.loads(cli(line).out)["score"]
        yield float(Path("scores.txt").read_text().split()[2])
        yield one @ other / np.linalg.norm(one) / np.linalg.norm(other)

    heard, trimmed = [*scores("")], [*scores("--vad energy")]
    assert heard == pytest.approx([heard[0]] * 3, abs=1e-5)
    assert trimmed == pytest.approx([trimmed[0]] * 3, abs=1e-5)
    assert abs(trimmed[0] - heard[0]) > 1e-3
    assert [*scores("--vad energy --max-seconds 1")][0] != trimmed[0]


@pytest.mark.usefixtures("voices")
def test_embed_with_a_self_supervised_encoder(cli, place, write_checkpoint):
    section = {"name": "ssl", "frontend": {"source": str(write_checkpoint("hubert"))}}
    config = {"task": "verification", "sample_rate": 16000}
    config["model"] = {"speaker": SPEAKERS.resolved(section, "model.speaker")}
    save_model(place / "ssl", build_speaker(config["model"], 16000), config)
    said = cli("embed 0.wav 1.wav -o out.npz --model ssl")
    assert (said.code, said.out) == (0, "out.npz: 2 embeddings of 192 numbers\n")
