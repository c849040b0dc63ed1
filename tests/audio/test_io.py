import os
import resource

import numpy as np
import pytest
import soundfile

from wesep_like.audio import io
from wesep_like.errors import AudioError, OutputError, ShapeError, SilentSignalError


def sine(num_samples=16000, sample_rate=16000, hz=440):
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(num_samples) / sample_rate)


@pytest.mark.parametrize(
    ("suffix", "subtype", "tolerance"),
    [
        ("wav", "PCM_16", 1e-4),
        ("wav", "PCM_24", 1e-6),
        ("wav", "FLOAT", 1e-7),
        ("wav", "PCM_U8", 1e-2),
        ("flac", "PCM_16", 1e-4),
        ("ogg", "VORBIS", 0.1),
        ("ogg", "OPUS", 0.1),
        ("mp3", "MPEG_LAYER_III", 0.1),
    ],
)
def test_formats(tmp_path, suffix, subtype, tolerance):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, sine(), 16000, subtype=subtype)
    waveform = io.read(path)
    assert io.info(path) == io.AudioInfo(16000, 16000, 1)
    assert waveform.sample_rate == 16000
    assert waveform.samples.dtype == np.float32
    assert waveform.samples.shape == (16000,)
    middle = slice(1000, -1000)  # lossy formats do not know how to end
    np.testing.assert_allclose(waveform.samples[middle], sine()[middle], atol=tolerance)


def test_the_corpus_is_read(shared):
    path = next((shared / "corpus").rglob("*.flac"))
    waveform = io.read(path)
    assert len(waveform.samples) == io.info(path).num_samples
    assert 0.01 < np.abs(waveform.samples).max() <= 1


def test_channels_are_averaged_unless_one_is_asked_for(tmp_path):
    path = tmp_path / "stereo.wav"
    left, right = sine(), 0.5 * sine(hz=300)
    soundfile.write(path, np.stack([left, right], axis=1), 16000, subtype="FLOAT")
    np.testing.assert_allclose(io.read(path).samples, (left + right) / 2, atol=1e-6)
    np.testing.assert_allclose(io.read(path, channel=0).samples, left, atol=1e-6)
    np.testing.assert_allclose(io.read(path, channel=1).samples, right, atol=1e-6)
    assert io.info(path).num_channels == 2
    for channel in (2, -1):
        with pytest.raises(AudioError, match=rf"stereo\.wav: has no channel {channel}. It has 2"):
            io.read(path, channel=channel)


def test_a_stretch_is_counted_at_the_files_own_rate(write_wav):
    path = write_wav("a.wav", 1, 8000)
    whole = io.read(path).samples
    np.testing.assert_array_equal(io.read(path, start=100, num_samples=50).samples, whole[100:150])
    np.testing.assert_array_equal(io.read(path, start=7990).samples, whole[7990:])
    waveform = io.read(path, start=4000, num_samples=2000, sample_rate=16000)
    assert (len(waveform.samples), waveform.sample_rate) == (4000, 16000)


@pytest.mark.parametrize(
    ("start", "num_samples", "message"),
    [
        (0, 801, "has no samples 0 to 801. It has 800"),
        (800, None, "has no samples 800 to 800. It has 800"),
        (-1, 10, "has no samples -1 to 9. It has 800"),
        (5, 0, "has no samples 5 to 5. It has 800"),
    ],
)
def test_no_such_stretch(write_wav, start, num_samples, message):
    path = write_wav("a.wav", 0.1, 8000)
    with pytest.raises(AudioError, match=rf"a\.wav: {message}$"):
        io.read(path, start=start, num_samples=num_samples)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_resampled_speech_is_the_same_sound(tmp_path, rate):
    path = tmp_path / "a.wav"
    soundfile.write(path, sine(rate, rate), rate, subtype="FLOAT")
    waveform = io.read(path, sample_rate=16000)
    assert waveform.sample_rate == 16000
    middle = slice(1000, -1000)
    np.testing.assert_allclose(waveform.samples[middle], sine()[middle], atol=1e-3)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "opus", "mp3"])
def test_a_file_that_is_cut_short(tmp_path, suffix, share):
    subtype = {"subtype": "OPUS", "format": "OGG"} if suffix == "opus" else {}
    path = tmp_path / f"a.{suffix}"
    noise = 0.1 * np.random.default_rng(0).standard_normal(48000)
    soundfile.write(path, noise, 16000, **subtype)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    message = rf"a\.{suffix}: (is cut short \(.*there\)|is cut .*missing\)|cannot be read as sound)"
    with pytest.raises(AudioError, match=message):
        io.read(path)


def test_a_wav_from_a_pipe_is_whole(write_wav):
    path = write_wav("a.wav", 0.1, 8000)
    content = bytearray(path.read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert len(io.read(path).samples) == 800


def test_a_flac_from_a_pipe_has_no_length(write_wav):
    path = write_wav("a.flac", 0.1, 8000)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the 36 bits of the number of samples
    content[22:26] = bytes(4)
    path.write_bytes(content)
    with pytest.raises(AudioError, match=r"a\.flac: does not say how long it is"):
        io.info(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.wav", b"", r"is empty \(0 bytes\)$"),
        ("a.wav", b"not sound at all", r"cannot be read as sound \(Format not recognised\)"),
        ("a.mp3", b"not sound at all" * 99, r"cannot be read as sound \(Format not recognised\)"),
        ("a.raw", b"\1\2\3\4", r"cannot be read as sound \(no header\)"),
        ("a.txt", b"text", r"cannot be read as sound .*Expected a whole wav, flac, ogg, opus or"),
    ],
)
def test_files_that_are_no_sound(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    for function in (io.read, io.info):
        with pytest.raises(AudioError, match=f"{name}: {message}"):
            function(tmp_path / name)


def test_files_that_are_none(tmp_path, write_wav, monkeypatch):
    with pytest.raises(AudioError, match=r"no\.wav: there is no such file$"):
        io.read(tmp_path / "no.wav")
    with pytest.raises(AudioError, match="is a folder. Expected a sound file$"):
        io.read(tmp_path)
    path = write_wav("a.wav", 0.0, 8000)
    with pytest.raises(AudioError, match=r"a\.wav: has no samples$"):
        io.read(path)
    # Root may read anything, so the answer of the system is made up here.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(AudioError, match=r"a\.wav: may not be read\."):
        io.read(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers(tmp_path, value):
    path = tmp_path / "a.wav"
    samples = np.stack([sine(), sine()], axis=1)
    samples[70, 1] = value
    samples[70, 0] = -value
    soundfile.write(path, samples, 16000, subtype="FLOAT")
    number = str(-value)
    with pytest.raises(AudioError, match=rf"a\.wav: sample 70 is {number}\. Expected finite"):
        io.read(path)
    with pytest.raises(AudioError, match=r"a\.wav: sample 70 is"):
        io.read(path, channel=1, start=20)
    io.read(path, start=71)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
def test_16_bits_are_written_back_bit_by_bit(tmp_path, suffix):
    steps = np.array([0, 1, -1, 32767, -32768, 12345, -2], dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", steps, 8000)
    path = tmp_path / f"b{suffix}"
    assert io.write(path, io.read(tmp_path / "a.wav").samples, 8000) == 1.0
    again, rate = soundfile.read(path, dtype="int16")
    np.testing.assert_array_equal(again, steps)
    assert rate == 8000
    assert soundfile.info(path).subtype == "PCM_16"


def test_a_peak_above_one_is_scaled_and_not_cut_off(tmp_path):
    path = tmp_path / "a.wav"
    loud = 5 * sine()
    factor = io.write(path, loud, 16000)
    assert factor == pytest.approx(0.99 / np.abs(loud).max())
    np.testing.assert_allclose(io.read(path).samples, factor * loud, atol=1e-4)


def test_clipped_samples_are_what_soundfile_makes_of_floats(tmp_path):
    samples = np.array([0.5, -0.5 / 2**15, 0.9 / 2**15, 1.5, -1.5], dtype=np.float32)
    io.write_unscaled(tmp_path / "a.wav", samples, 8000, subtype="PCM_16")
    steps, rate = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert steps.tolist() == [2**14, -1, 0, 2**15 - 1, -(2**15)]
    assert rate == 8000
    soundfile.write(tmp_path / "b.wav", samples, 8000)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


@pytest.mark.parametrize(
    ("samples", "error", "message"),
    [
        (np.zeros((2, 5)), ShapeError, r"expected samples on one axis, got shape \(2, 5\)"),
        (np.zeros(0), AudioError, "there are no samples to write"),
        (np.array([0.1, np.nan]), AudioError, "samples to write are NaN or infinite"),
        (np.array([1, 2]), AudioError, "expected floating point samples in -1..1, got int64"),
    ],
)
def test_samples_that_cannot_be_written(tmp_path, samples, error, message):
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    with pytest.raises(error, match=rf"a\.wav: {message}"):
        io.write(path, samples, 8000)
    assert path.read_bytes() == b"old"


def test_outputs_that_cannot_be(tmp_path):
    with pytest.raises(OutputError, match=r"a\.mp3: no format .* suffix '\.mp3'. Known: \.wav, \."):
        io.write(tmp_path / "a.mp3", sine(), 8000)
    with pytest.raises(OutputError, match=r"a: no format to write has the suffix ''"):
        io.check_output(tmp_path / "a")
    with pytest.raises(OutputError, match=r"a\.wav: there is no folder .*no\. Make it first"):
        io.write(tmp_path / "no" / "a.wav", sine(), 8000)
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(OutputError, match=r"folder\.wav: is a folder"):
        io.check_output(tmp_path / "folder.wav")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.wav"]


def test_a_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.wav"
    io.write(path, sine(100), 8000)
    old = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"a\.wav: cannot be written \("):
            io.write(path, sine(), 16000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "opus", "mp3"])
def test_a_file_in_memory_is_read_like_one_on_the_disk(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, sine(), 16000, format="OGG" if suffix == "opus" else None)
    content = io.file_content(path)
    assert content == path.read_bytes()
    assert io.info("x.tar:a", content=content) == io.info(path)
    stretch = {"start": 2000, "num_samples": 5000}
    heard = io.read("x.tar:a", content=content, **stretch)
    assert np.array_equal(heard.samples, io.read(path, **stretch).samples)
    with pytest.raises(AudioError, match=r"^x\.tar:a: (is cut short|cannot be read as sound)"):
        io.read("x.tar:a", content=content[: len(content) // 2])
    with pytest.raises(AudioError, match=r"^x\.tar:a: cannot be read as sound"):
        io.info("x.tar:a", content=b"")


def test_the_content_of_nothing(tmp_path):
    with pytest.raises(AudioError, match=r"gone\.wav: there is no such file"):
        io.file_content(tmp_path / "gone.wav")


def test_silence_is_told_and_sound_found_wherever_it_is(tmp_path):
    samples = np.zeros((20000, 2))
    soundfile.write(tmp_path / "silent.wav", samples, 8000)
    with pytest.raises(
        SilentSignalError, match=r"silent\.wav: is silent \(all of its 20000 samples"
    ):
        io.sounding_info(tmp_path / "silent.wav")
    samples[-1, 1] = 0.5
    soundfile.write(tmp_path / "sound.wav", samples, 8000)
    assert io.sounding_info(tmp_path / "sound.wav") == io.info(tmp_path / "sound.wav")
    with pytest.raises(AudioError, match="there is no such file"):
        io.sounding_info(tmp_path / "none.wav")
