"""What a user gets wrong: one clear line, exit code 2, and all files as they were."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

MIXTURE, ENROLL, OUT, MODEL = "mixture.wav", "enroll.wav", "out.wav", "model"


def line(mixture=MIXTURE, enroll=ENROLL, output=OUT, model=MODEL):
    return f"extract {mixture} --enroll {enroll} -o {output} --model {model} --device cpu"


@pytest.fixture
def refused(cli, files):
    """Runs a command line that must fail, and gives its one line."""

    def call(command):
        before = files()
        said = cli(command)
        assert said.code == 2
        assert said.out == ""
        assert said.err.startswith("error: ")
        assert said.err.count("\n") == 1
        assert files() == before
        return said.err.removeprefix("error: ").rstrip("\n")

    return call


def make_broken(name, kind):
    """A file that is no usable recording."""
    import soundfile

    if kind == "empty":
        Path(name).touch()
    elif kind == "truncated":
        Path(name).write_bytes(Path(MIXTURE).read_bytes()[:20000])
    elif kind == "not audio":
        Path(name).write_text("a letter\n" * 100)
    elif kind == "NaN":
        samples = np.full(32000, 0.1, np.float32)
        samples[77] = np.nan
        soundfile.write(name, samples, 16000, subtype="FLOAT")
    elif kind == "silence":
        soundfile.write(name, np.zeros(32000), 16000)
    elif kind == "no speech":
        soundfile.write(name, 0.5 * (np.arange(32000) // 50 == 77), 16000)
    elif kind == "10 ms":
        soundfile.write(name, 0.1 * np.sin(np.arange(160)), 16000)
    elif kind == "folder":
        Path(name).mkdir()
    else:
        assert kind == "missing"


BROKEN = {
    "missing": "bad.wav: there is no such file",
    "empty": "bad.wav: is empty (0 bytes)",
    "truncated": "bad.wav: is cut short (19956 of 48000 bytes of sound are there). Get it anew",
    "not audio": "bad.wav: cannot be read as sound (",
    "NaN": "bad.wav: sample 77 is nan. Expected finite numbers",
    "silence": "bad.wav: is silent (below -140 dB). Give a signal with sound in it",
    "10 ms": "bad.wav: too short (10 ms). At least 1",
    "folder": "bad.wav: is a folder. Expected a sound file",
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize(
    "command",
    [
        line(mixture="bad.wav"),
        line(enroll="bad.wav"),
        line(enroll="enroll.wav --enroll bad.wav"),
        "verify mixture.wav bad.wav --model model",
        "embed bad.wav -o out.npz --model model",
        "enroll enroll.wav bad.wav -o out.cue --model model",
    ],
    ids=["mixture", "enrollment", "second enrollment", "verify", "embed", "enroll"],
)
def test_a_recording_that_is_none(refused, kind, command):
    make_broken("bad.wav", kind)
    assert refused(command).startswith(BROKEN[kind])


@pytest.mark.parametrize(
    "output", ["mixture.wav", "enroll.wav", "./mixture.wav", "soft.wav", "hard.wav"]
)
def test_an_output_that_is_an_input(refused, output, place):
    (place / "soft.wav").symlink_to("mixture.wav")
    (place / "hard.wav").hardlink_to("enroll.wav")
    message = refused(line(output=output))
    assert message.startswith(str(Path(output)))
    assert "is an input" in message
    assert message.endswith("Give the output another name")


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("nowhere/out.wav", "nowhere/out.wav: there is no folder {place}/nowhere. Make it first"),
        ("out.mp3", "out.mp3: no format to write has the suffix '.mp3'. Known: .wav, .flac"),
        ("folder.wav", "folder.wav: is a folder. Give the name of a file in it"),
        ("/dev/null.wav/out.wav", "/dev/null.wav/out.wav: there is no folder /dev/null.wav"),
    ],
)
def test_an_output_that_cannot_be(refused, place, output, message):
    (place / "folder.wav").mkdir()
    assert refused(line(output=output)).startswith(message.format(place=place))


def test_a_folder_that_may_not_be_written_to(refused, place, monkeypatch):
    (place / "locked").mkdir()
    # By the rights that the system tells of: root, who runs some tests, may do anything.
    allowed = os.access
    monkeypatch.setattr(
        os, "access", lambda path, *mode: "locked" not in str(path) and allowed(path, *mode)
    )
    message = refused(line(output="locked/out.wav"))
    assert message == f"locked/out.wav: the folder {place}/locked may not be written to"


def test_a_full_disk_leaves_the_older_output(refused, make_wav, monkeypatch):
    make_wav(OUT, 3)

    def full(*names):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    assert refused(line()) == "out.wav: cannot be written (No space left on device)"


def copy_model(name, config=lambda data: data, weights=lambda data: data):
    Path(name).mkdir()
    for file, change in (("config.yaml", config), ("model.safetensors", weights)):
        Path(name, file).write_bytes(change(Path(MODEL, file).read_bytes()))


@pytest.mark.usefixtures("place")
def test_a_model_of_another_architecture(refused):
    copy_model("other", config=lambda text: text.replace(b"multiply", b"film"))
    message = refused(line(model="other"))
    assert message.startswith("other/model.safetensors: belongs to another architecture")
    copy_model("wider", config=lambda text: text.replace(b"channels: 8", b"channels: 12"))
    assert "of another shape" in refused(line(model="wider"))


@pytest.mark.usefixtures("place")
def test_a_checkpoint_that_is_none(refused):
    copy_model("cut", weights=lambda data: data[:-100])
    assert "not a safetensors file, or damaged" in refused(line(model="cut"))
    copy_model("junk", weights=lambda data: b"junk" * 100)
    assert "not a safetensors file, or damaged" in refused(line(model="junk"))
    copy_model("empty", weights=lambda data: b"")
    assert "not a safetensors file, or damaged" in refused(line(model="empty"))
    copy_model("text", config=lambda text: b"task: [")
    assert "text/config.yaml:1: is not YAML" in refused(line(model="text"))
    copy_model("taskless", config=lambda text: text.replace(b"extraction", b"song"))
    message = refused(line(model="taskless"))
    assert "task: expected one of extraction, verification, self_supervised, got 'song'" in message
    copy_model("odd", config=lambda text: text.replace(b"bsrnn", b"bsrn"))
    assert "no separator is called 'bsrn' (did you mean 'bsrnn'?)" in refused(line(model="odd"))
    assert refused(line(model="mixture.wav")).startswith("mixture.wav: not a model")
    assert refused(line(model="nowhere")).startswith("nowhere: no such file or folder")


@pytest.mark.usefixtures("place")
def test_a_device_that_is_none(refused):
    command = line().replace("--device cpu", "--device gpu")
    assert refused(command) == "device: expected auto, cpu or cuda, got 'gpu'"


@pytest.mark.parametrize(
    "command",
    [
        line(enroll="enroll.wav --enroll bad.wav"),
        "enroll bad.wav -o out.cue --model model",
        "verify bad.wav enroll.wav --model model",
        "embed bad.wav -o out.npz --model model",
    ],
    ids=["extract", "enroll", "verify", "embed"],
)
def test_a_recording_in_which_nobody_speaks(refused, command):
    make_broken("bad.wav", "no speech")
    message = refused(f"{command} --vad energy")
    assert message.startswith("bad.wav: no speech was found in it. Give another recording, or turn")


@pytest.mark.usefixtures("place")
def test_ways_to_hear_that_are_none(refused):
    message = refused(f"{line()} --vad webrtc")
    assert message == "vad: expected energy, silero or none, got 'webrtc'"
    message = refused(f"{line()} --max-seconds 0")
    assert message.startswith("max_seconds: expected at least 0.125, which the model needs, got 0")
