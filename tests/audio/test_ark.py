import io as stdlib_io

import kaldiio
import numpy as np
import pytest
import soundfile

from wesep_like.audio import io
from wesep_like.audio.ark import split_entry
from wesep_like.errors import AudioError

RATE = 8000


@pytest.fixture
def sounds():
    rng = np.random.default_rng(0)
    shapes = [(900,), (1200, 2), (700,)]
    return {f"u{n}": rng.integers(-9999, 9999, s).astype(np.int16) for n, s in enumerate(shapes)}


def write_ark(folder, sounds, **options):
    """An archive as kaldiio writes it; what its scp says of each entry."""
    archive, places = str(folder / "a.ark"), folder / "a.scp"
    entries = {key: (RATE, samples) for key, samples in sounds.items()}
    kaldiio.save_ark(archive, entries, scp=str(places), **options)
    return dict(line.split() for line in places.read_text().splitlines())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"write_function": "soundfile"},
        {"write_function": "soundfile", "write_kwargs": {"format": "flac"}},
        {"write_function": "soundfile", "write_kwargs": {"format": "wav", "subtype": "PCM_24"}},
    ],
)
def test_what_kaldiio_writes_is_read(tmp_path, sounds, options):
    places = write_ark(tmp_path, sounds, **options)
    assert places["u1"].startswith(f"{tmp_path}/a.ark:")
    for key, samples in sounds.items():
        num_channels = samples.shape[1] if samples.ndim == 2 else 1
        assert io.info(places[key]) == io.AudioInfo(len(samples), RATE, num_channels)
        expected = (samples.reshape(len(samples), -1) / 32768).mean(axis=1)
        read = io.read(places[key])
        assert read.sample_rate == RATE
        np.testing.assert_allclose(read.samples, expected, atol=1e-7)
        stretch = io.read(places[key], start=100, num_samples=50, channel=0)
        one = samples.reshape(len(samples), -1)[100:150, 0] / 32768
        np.testing.assert_allclose(stretch.samples, one, atol=1e-7)


def test_a_flac_as_it_is_stands_in_an_archive(tmp_path, sounds):
    flac = stdlib_io.BytesIO()
    soundfile.write(flac, sounds["u0"], RATE, format="FLAC")
    (tmp_path / "f.ark").write_bytes(b"u0 " + flac.getvalue())
    samples = io.read(tmp_path / "f.ark:3").samples
    np.testing.assert_array_equal(samples, (sounds["u0"] / 32768).astype(np.float32))


def test_a_file_of_such_a_name_is_a_file(tmp_path, write_wav):
    path = write_wav("a.wav", 0.1, RATE)
    odd = path.rename(tmp_path / "12:30")
    assert split_entry(odd) is None
    assert io.info(odd).num_samples == 800
    assert split_entry("/x/y.ark:5") == ("/x/y.ark", 5)
    assert split_entry("/x:3/y.ark") is None


@pytest.mark.parametrize("options", [{}, {"write_function": "soundfile"}])
def test_an_archive_that_is_cut_short(tmp_path, sounds, options):
    places = write_ark(tmp_path, sounds, **options)
    whole = (tmp_path / "a.ark").read_bytes()
    (tmp_path / "a.ark").write_bytes(whole[:-100])
    io.info(places["u0"])
    size = len(whole) - 100
    with pytest.raises(
        AudioError, match=rf"a\.ark:\d+: is cut short \(the archive ends after {size}"
    ):
        io.info(places["u2"])
    with pytest.raises(AudioError, match=r"a\.ark:999999: is cut short"):
        io.info(tmp_path / "a.ark:999999")


class Trap:
    """What a pickle may do when it is read."""

    def __reduce__(self):
        return (print, ("the pickle was read",))


def test_what_is_no_sound_is_refused_and_no_pickle_is_read(tmp_path, capsys):
    archive = str(tmp_path / "m.ark")
    for function, content in (("pickle", Trap()), (None, np.ones((3, 2), np.float32))):
        kaldiio.save_ark(archive, {"u0": content}, write_function=function)
        with pytest.raises(AudioError, match=r"m\.ark:3: cannot be read as sound"):
            io.read(tmp_path / "m.ark:3")
    assert capsys.readouterr().out == ""


def test_no_such_archive(tmp_path):
    with pytest.raises(AudioError, match=r"none\.ark:7: there is no such file"):
        io.read(tmp_path / "none.ark:7")
    (tmp_path / "empty.ark").touch()
    with pytest.raises(AudioError, match=r"empty\.ark:7: is empty"):
        io.info(tmp_path / "empty.ark:7")
