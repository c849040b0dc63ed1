import pytest

from wesep_like.data.broken import BrokenCount
from wesep_like.data.shards.contents import read_noises, read_utterances
from wesep_like.errors import AudioError


def read(*urls, kind=read_utterances, max_share=1.0):
    return kind(urls, BrokenCount("shards.list", "files in shards", max_share))


def test_utterances_with_their_speakers(write_tar, sound):
    wav, flac = sound(0.5), sound(1.0, suffix="flac")
    first = write_tar("a.tar", {"__key__": "x/u1", "wav": wav, "spk": b" ann\n"})
    second = write_tar("b.tar", {"__key__": "u2", "FLAC": flac, "spk": "bób".encode(), "txt": b""})
    found = read(first, second)
    one, two = found.records
    assert (one.id, one.speaker, one.path) == ("x/u1", "ann", f"{first}:x/u1.wav")
    assert (one.num_samples, one.sample_rate) == (4000, 8000)
    assert (two.id, two.speaker, two.path) == ("u2", "bób", f"{second}:u2.FLAC")
    assert found.files == {one.path: wav, two.path: flac}


def test_keys_that_begin_alike_are_two(write_tar, sound):
    # WeSep tests for a substring: it loses u1, and mixes up u10.
    path = write_tar(
        "a.tar",
        {"__key__": "u1", "wav": sound(0.1), "spk": b"ann"},
        {"__key__": "u10", "wav": sound(0.2), "spk": b"bob"},
        {"__key__": "u", "wav": sound(0.3), "spk": b"cas"},
    )
    records = read(path).records
    assert [(r.id, r.speaker, r.num_samples) for r in records] == [
        ("u1", "ann", 800),
        ("u10", "bob", 1600),
        ("u", "cas", 2400),
    ]


def test_files_of_a_key_may_be_apart(write_tar, sound):
    path = write_tar(
        "a.tar",
        {"__key__": "u1", "wav": sound()},
        {"__key__": "u2", "wav": sound(), "spk": b"bob"},
        {"__key__": "u1", "spk": b"ann"},
    )
    assert [(r.id, r.speaker) for r in read(path).records] == [("u1", "ann"), ("u2", "bob")]


def test_a_dot_in_a_key(write_tar, sound):
    path = write_tar("a.tar", {"__key__": "v1.0/a.b", "wav": sound(), "spk": b"ann"})
    assert read(path).records[0].id == "v1.0/a.b"


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ({"wav": "whole"}, r"skipped: .*a\.tar:bad\.wav: no speaker's name in a spk of the same"),
        ({"wav": "whole", "spk": b" "}, r"skipped: .*a\.tar:bad\.wav: no speaker's name"),
        ({"spk": b"ann"}, r"skipped: .*a\.tar:bad\.spk: no sound file of the same name"),
        ({"wav": "cut", "spk": b"ann"}, r"skipped: .*a\.tar:bad\.wav: is cut short \(\d+ of"),
        ({"wav": b"", "spk": b"ann"}, r"skipped: .*a\.tar:bad\.wav: cannot be read as sound"),
        ({"flac": b"no", "spk": b"ann"}, r"skipped: .*a\.tar:bad\.flac: cannot be read as sound"),
    ],
)
def test_what_is_broken_is_skipped_and_named(write_tar, sound, sample, message):
    whole = sound()
    contents = {"whole": whole, "cut": whole[: len(whole) // 2]}
    sample = {key: contents.get(value, value) for key, value in sample.items()}
    path = write_tar(
        "a.tar", {"__key__": "bad", **sample}, {"__key__": "good", "wav": whole, "spk": b"ann"}
    )
    broken = BrokenCount("shards.list", "files in shards", 1.0)
    with pytest.warns(UserWarning, match=message) as caught:
        found = read_utterances([path], broken)
    assert len(caught) == 1
    assert [record.id for record in found.records] == ["good"]
    assert (broken.num_broken, broken.num_reads) == (1, 2)


def test_a_tar_that_is_cut_short(write_tar, sound):
    samples = [{"__key__": f"u{n}", "wav": sound(), "spk": b"ann"} for n in range(3)]
    path = write_tar("a.tar", *samples)
    with open(path, "r+b") as file:
        file.truncate(40_000)
    with pytest.warns(UserWarning, match="skipped: ") as caught:
        found = read(path)
    assert [str(warning.message) for warning in caught] == [
        f"skipped: {path}: is cut short or broken after 5 files (unexpected end of data). "
        "Get it anew",
        f"skipped: {path}:u2.spk: no sound file of the same name",
    ]
    assert [record.id for record in found.records] == ["u0", "u1"]


@pytest.mark.filterwarnings("ignore:skipped")
@pytest.mark.parametrize("kind", [read_utterances, read_noises])
def test_too_much_that_is_broken_ends_it(write_tar, sound, kind):
    wav = sound(0.01)
    samples = [
        {"__key__": f"u{n}", "wav": b"" if n < 6 else wav, "spk": b"ann"} for n in range(100)
    ]
    path = write_tar("a.tar", *samples)
    assert len(read(path, kind=kind, max_share=0.06).records) == 94
    message = (
        r"shards\.list: 6 of 100 files in shards could not be read, more than 5%\. "
        r"The last: .*a\.tar:u5\.wav: cannot be read"
    )
    with pytest.raises(AudioError, match=message):
        read(path, kind=kind, max_share=0.05)


def test_noises_need_no_speaker(write_tar, sound):
    path = write_tar("a.tar", {"__key__": "rain", "wav": sound()})
    found = read(path, kind=read_noises)
    assert [(n.id, n.num_samples) for n in found.records] == [("rain", 8000)]
    assert list(found.files) == [f"{path}:rain.wav"]
