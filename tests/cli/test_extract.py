import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file

from wesep_like.audio import io
from wesep_like.inference.extractor import Extractor

LINE = "extract mixture.wav --enroll enroll.wav -o out.wav --model model --device cpu"


@pytest.mark.usefixtures("place")
def test_it_writes_what_the_extractor_returns(cli):
    said = cli(LINE)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("out.wav: 1.50 s, similarity to the enrollment ")
    assert said.out.count("\n") == 1
    mixture, enrollment = io.read("mixture.wav"), io.read("enroll.wav")
    expected = Extractor.load("model", "cpu").extract(mixture.samples, enrollment.samples, 16000)
    np.testing.assert_allclose(io.read("out.wav").samples, expected, atol=2**-15)


@pytest.mark.usefixtures("place")
def test_json_is_one_object_and_all_of_standard_output(cli):
    said = cli(f"{LINE} --json")
    result = json.loads(said.out)
    extractor = Extractor.load("model", "cpu")
    mixture, enrollment = (io.read(name).samples for name in ("mixture.wav", "enroll.wav"))
    estimate = extractor.extract(mixture, enrollment, 16000)
    assert result == {
        "mixture": "mixture.wav",
        "enrollments": ["enroll.wav"],
        "output": "out.wav",
        "sample_rate": 16000,
        "num_samples": 24000,
        "similarity": pytest.approx(extractor.similarity(estimate, enrollment, 16000), abs=1e-4),
        "mixture_similarity": pytest.approx(
            extractor.similarity(mixture, enrollment, 16000), abs=1e-4
        ),
    }


def test_stereo_at_44_khz_against_mono_at_8_khz(cli, make_wav):
    make_wav("stereo.wav", 1.2, 44100, 2)
    make_wav("mono.flac", 1.5, 8000, seed=1)
    said = cli("extract stereo.wav --enroll mono.flac -o out.flac --model model")
    assert (said.code, said.err) == (0, "")
    about = io.info("out.flac")
    assert (about.num_samples, about.sample_rate, about.num_channels) == (52920, 44100, 1)


def test_a_channel_is_chosen(cli, make_wav):
    make_wav("stereo.wav", 1, 16000, 2)
    line = "extract stereo.wav --enroll enroll.wav --model model -o "
    for channel in (0, 1):
        assert cli(f"{line} {channel}.wav --channel {channel}").code == 0
    assert cli(f"{line} mean.wav").code == 0
    outputs = [io.read(f"{name}.wav").samples for name in ("0", "1", "mean")]
    assert not np.array_equal(outputs[0], outputs[1])
    assert not np.array_equal(outputs[0], outputs[2])
    said = cli(f"{line} 2.wav --channel 2")
    assert said.code == 2
    assert "stereo.wav: has no channel 2. It has 2, counted from 0" in said.err
    assert not Path("2.wav").exists()


def test_several_enrollments_are_averaged_each_at_its_own_rate(cli, make_wav):
    make_wav("other.wav", 1.5, 8000, seed=2)
    assert cli(f"{LINE} --enroll other.wav").code == 0
    extractor = Extractor.load("model", "cpu")
    cues = [
        extractor.cue(wave.samples, wave.sample_rate)
        for wave in (io.read("enroll.wav"), io.read("other.wav"))
    ]
    expected = extractor.extract(io.read("mixture.wav").samples, cues, 16000)
    np.testing.assert_allclose(io.read("out.wav").samples, expected, atol=2**-15)


def test_an_older_output_is_replaced_whole(cli, make_wav, place):
    make_wav("out.wav", 5)
    before = sorted(place.iterdir())
    assert cli(LINE).code == 0
    assert io.info("out.wav").num_samples == 24000
    assert sorted(place.iterdir()) == before


@pytest.mark.filterwarnings("always::wesep_like.inference.signals.ShortEnrollmentWarning")
def test_a_short_enrollment_is_warned_of_and_used(cli, make_wav):
    make_wav("short.wav", 0.5)
    said = cli("extract mixture.wav --enroll short.wav -o out.wav --model model --json")
    assert said.code == 0
    assert said.err == (
        "warning: short.wav: only 0.50 s long, so the voice may be mistaken. "
        "Three seconds or more are good.\n"
    )
    assert json.loads(said.out)["num_samples"] == 24000


@pytest.mark.usefixtures("place")
def test_an_output_without_sound_is_told(cli, monkeypatch):
    monkeypatch.setattr(Extractor, "extract", lambda *args, **more: np.zeros(24000, np.float32))
    said = cli(f"{LINE} --json")
    assert said.code == 0
    assert said.err == "warning: out.wav: has too little sound in it to tell a voice by\n"
    assert json.loads(said.out)["similarity"] is None
    assert "similarity to the enrollment unknown" in cli(LINE).out


@pytest.mark.usefixtures("place")
def test_an_output_too_loud_for_its_format_is_told(cli, monkeypatch):
    monkeypatch.setattr(
        Extractor, "extract", lambda *args, **more: np.linspace(-2, 2, 24000, dtype=np.float32)
    )
    said = cli(LINE)
    assert said.code == 0
    assert said.err == "warning: out.wav: was too loud for 16 bits and is scaled by 0.495\n"


@pytest.mark.usefixtures("place")
def test_the_model_is_loaded_only_for_usable_input(cli, monkeypatch):
    monkeypatch.setattr(Extractor, "load", lambda *_, **__: pytest.fail("the model was loaded"))
    for line in (
        "extract mixture.wav --enroll enroll.wav -o nowhere/out.wav",
        "extract mixture.wav --enroll nowhere.wav -o out.wav",
        "extract mixture.wav --enroll enroll.wav -o mixture.wav",
    ):
        assert cli(line).code == 2


@pytest.mark.usefixtures("place")
def test_a_model_without_an_embedding_extracts_and_tells_no_similarity(
    cli, model_without_embedding
):
    line = f"extract mixture.wav --enroll enroll.wav -o out.wav --model {model_without_embedding}"
    said = cli(line)
    assert (said.code, said.err) == (0, "")
    assert said.out == "out.wav: 1.50 s\n"
    assert json.loads(cli(f"{line} --json").out)["similarity"] is None
    said = cli(f"verify mixture.wav enroll.wav --model {model_without_embedding}")
    assert said.code == 2
    assert "/model: its speaker module gives no embedding to know a voice by" in said.err


@pytest.mark.usefixtures("place")
def test_code_of_others_runs_only_if_trusted(cli, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    Path("their_lab.py").write_text(
        "from wesep_like.models.fusions.multiply import Multiply\nclass Mine(Multiply): pass\n"
    )
    shutil.copytree("model", "mine")
    config = Path("mine/config.yaml")
    config.write_text(config.read_text().replace("name: multiply", "name: their_lab:Mine"))
    line = "extract mixture.wav --enroll enroll.wav -o out.wav --model mine"
    said = cli(line)
    assert said.code == 2
    assert "'their_lab:Mine' is code from outside this package" in said.err
    assert "--trust-code" in said.err
    said = cli(f"{line} --trust-code")
    assert (said.code, said.err) == (0, "")
    assert cli(LINE.replace("out", "own")).code == 0
    np.testing.assert_array_equal(io.read("own.wav").samples, io.read("out.wav").samples)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("has_embedding", [True, False])
def test_a_cue_in_a_file_is_as_good_as_its_recordings(
    cli, make_wav, model_without_embedding, has_embedding
):
    model = "model" if has_embedding else model_without_embedding
    make_wav("other.wav", 1.3, 8000, seed=5)
    said = cli(f"enroll enroll.wav other.wav -o anna.cue --model {model}")
    assert (said.code, said.err) == (0, "")
    assert said.out == "anna.cue: one speaker, from 3.30 s of recordings\n"
    line = f"extract mixture.wav --model {model}"
    assert cli(f"{line} --enroll anna.cue -o cue.wav").code == 0
    assert cli(f"{line} --enroll enroll.wav --enroll other.wav -o wav.wav").code == 0
    np.testing.assert_array_equal(io.read("cue.wav").samples, io.read("wav.wav").samples)


@pytest.mark.usefixtures("place")
def test_cues_that_cannot_be_used(cli, tmp_path, model_without_embedding):
    assert cli(f"enroll enroll.wav -o anna.cue --model {model_without_embedding}").code == 0
    Path("text.cue").write_text("no cue")
    line = "extract mixture.wav -o out.wav --model model --enroll"
    for name, problem in {
        "anna.cue": "is a cue for another model. Enroll again with the model that extracts",
        "text.cue": "cannot be read as a cue",
        "none.cue": "cannot be read as a cue",
    }.items():
        said = cli(f"{line} {name}")
        assert said.code == 2
        assert said.err.count("\n") == 1
        assert said.err.startswith(f"error: {name}: {problem}")
    save_file({"embedding": torch.zeros(1, 8)}, tmp_path / "bare.cue")
    assert "bare.cue: is no cue" in cli(f"{line} bare.cue").err
    assert "out.wav: no format to write" in cli("enroll enroll.wav -o out.wav").err


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    "more", ["--vad energy", "--vad none --max-seconds 1.5", "--vad energy --max-seconds 1"]
)
def test_what_is_heard_of_an_enrollment(cli, more):
    silence = np.zeros(32000)
    voice, _ = soundfile.read("enroll.wav")
    soundfile.write("padded.wav", np.concatenate([silence, voice, silence]), 16000)
    said = cli(f"extract mixture.wav --enroll padded.wav -o out.wav --model model {more}")
    assert (said.code, said.err) == (0, "")
    options = dict(zip(*[iter(more.replace("--", "").replace("-", "_").split())] * 2, strict=True))
    if "max_seconds" in options:
        options["max_seconds"] = float(options["max_seconds"])
    extractor = Extractor.load("model", "cpu", **options)
    cue = extractor.cue(io.read("padded.wav").samples, 16000)
    expected = extractor.extract(io.read("mixture.wav").samples, cue, 16000)
    np.testing.assert_allclose(io.read("out.wav").samples, expected, atol=2**-15)
    # In a file, the same.
    assert cli(f"enroll padded.wav -o a.cue --model model {more}").code == 0
    assert cli("extract mixture.wav --enroll a.cue -o cue.wav --model model").code == 0
    np.testing.assert_array_equal(io.read("cue.wav").samples, io.read("out.wav").samples)
