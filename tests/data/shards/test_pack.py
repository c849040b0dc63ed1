import json
import shutil
import tarfile
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from webdataset.tariterators import group_by_keys, tar_file_iterator

from wesep_like.audio import io
from wesep_like.data.broken import BrokenCount
from wesep_like.data.manifest import Utterance, read_manifest, write_manifest
from wesep_like.data.shards.contents import read_noises, read_utterances
from wesep_like.data.shards.lists import find_shards
from wesep_like.data.shards.pack import pack
from wesep_like.errors import ManifestError, OutputError


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def read(shards, kind=read_utterances, name="shards.list"):
    return kind(find_shards(str(shards / name)), BrokenCount("here", "files", 0.0))


def test_what_is_read_back_are_the_files(shards, corpus):
    found = read(shards)
    by_id = {record.id: record for record in found.records}
    assert len(found.records) == len(found.files) == len(corpus.utterances)
    for utterance in corpus.utterances:
        record = by_id[utterance.id]
        assert replace(record, path=utterance.path) == utterance
        assert found.files[record.path] == Path(utterance.path).read_bytes()


def test_noises_are_packed_too(shards, corpus):
    found = read(shards, read_noises, "noise.list")
    assert sorted(record.id for record in found.records) == ["rain", "sea"]
    for noise in corpus.noises:
        (record,) = (record for record in found.records if record.id == noise.id)
        assert found.files[record.path] == Path(noise.path).read_bytes()


def test_all_speakers_are_listed(shards):
    assert (shards / "speakers.txt").read_text().split() == list("abcdef")


def test_webdataset_reads_them(shards, corpus):
    # Its own reader, and not only its writer, agrees with us about the layout.
    samples = []
    for url in find_shards(str(shards / "shards.list")):
        with open(url, "rb") as stream:
            files = [{**file, "__url__": url} for file in tar_file_iterator(stream)]
        samples += group_by_keys(files)
    assert {s["__key__"]: s["spk"].decode() for s in samples} == {
        u.id: u.speaker for u in corpus.utterances
    }
    assert all(set(s) == {"__key__", "__url__", "flac", "spk"} for s in samples)


def test_twice_is_the_same_bit_by_bit(shards, data_folder, tmp_path):
    pack(data_folder, tmp_path / "again", per_shard=4)
    assert contents(tmp_path / "again") == contents(shards)
    with tarfile.open(next(shards.glob("*.tar"))) as tar:
        assert {(m.mtime, m.uid, m.gid, m.uname) for m in tar} == {(0, 0, 0, "")}


@pytest.mark.slow
def test_processes_change_nothing(shards, data_folder, tmp_path):
    calls = []
    pack(data_folder, tmp_path, per_shard=4, num_workers=2, progress=lambda *c: calls.append(c))
    assert contents(tmp_path) == contents(shards)
    assert calls == [(n + 1, len(calls)) for n in range(len(calls))]


def test_an_interrupted_call_is_gone_on_with(shards, data_folder, tmp_path):
    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(data_folder, tmp_path, per_shard=4, progress=stop)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.tar")}
    assert len(before) == 2
    assert not (tmp_path / "shards.list").exists()
    packed = pack(data_folder, tmp_path, per_shard=4)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert packed.num_packed == {"shards.list": 14, "noise.list": 2}
    assert packed.num_skipped == 0
    assert contents(tmp_path) == contents(shards)


def test_a_shard_that_cannot_be_finished_is_not_there(data_folder, tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "addfile", fail)
    with pytest.raises(OutputError, match=r"shards_000000\.tar: cannot be written \(No space left"):
        pack(data_folder, tmp_path, per_shard=4)
    assert [path.name for path in tmp_path.iterdir()] == ["packing.json"]


@pytest.mark.parametrize("options", [{"per_shard": 3}, {"seed": 2}])
def test_shards_of_other_options_are_left_alone(shards, data_folder, tmp_path, options):
    shutil.copytree(shards, tmp_path, dirs_exist_ok=True)
    with pytest.raises(OutputError, match=r"has shards of other data or of other options in it"):
        pack(data_folder, tmp_path, **{"per_shard": 4, **options})
    (tmp_path / "packing.json").unlink()
    with pytest.raises(OutputError, match=r"has shards of other data"):
        pack(data_folder, tmp_path, per_shard=4)


def test_what_cannot_be_read_is_left_out_and_named(corpus, tmp_path):
    (tmp_path / "cut.flac").write_bytes(Path(corpus.utterances[1].path).read_bytes()[:20])
    broken = [
        replace(corpus.utterances[0], path=str(tmp_path / "gone.flac")),
        replace(corpus.utterances[1], path=str(tmp_path / "cut.flac")),
        replace(corpus.utterances[2], num_samples=5),
    ]
    write_manifest(tmp_path / "u.jsonl", [*broken, *corpus.utterances[3:]])
    with pytest.warns(UserWarning, match="skipped: ") as caught:
        packed = pack(tmp_path / "u.jsonl", tmp_path / "shards")
    said = " ".join(str(warning.message) for warning in caught)
    assert len(caught) == packed.num_skipped == 3
    assert "gone.flac: there is no such file" in said
    assert "cut.flac: cannot be read as sound" in said
    assert "a2.flac: has 3200 samples at 8000 Hz, but its manifest says 5 at 8000 Hz" in said
    assert len(read(tmp_path / "shards").records) == 11
    # The shard is there now; what it lacks is still counted.
    assert pack(tmp_path / "u.jsonl", tmp_path / "shards").num_skipped == 3


def test_many_bad_files_are_counted(tmp_path):
    write_manifest(
        tmp_path / "u.jsonl",
        [Utterance(f"u{n}", "s", f"{n}.wav", 10, 8000) for n in range(13)],
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(ManifestError, match=r"u\.jsonl: none of its sounds can be read"):
            pack(tmp_path / "u.jsonl", tmp_path / "shards")
    assert len(caught) == 11
    assert str(caught[-1].message) == "skipped: 3 more files"


def test_an_unusual_format_becomes_flac(tmp_path):
    samples = (0.1 * np.random.default_rng(0).standard_normal(800)).astype(np.float32)
    soundfile.write(tmp_path / "a.au", samples, 8000, subtype="PCM_16")
    shutil.copy(tmp_path / "a.au", tmp_path / "b")
    soundfile.write(tmp_path / "c", samples, 8000, format="WAV")
    write_manifest(
        tmp_path / "u.jsonl", [Utterance(p, "s", p, 800, 8000) for p in ("a.au", "b", "c")]
    )
    pack(tmp_path / "u.jsonl", tmp_path / "shards")
    found = read(tmp_path / "shards")
    names = {record.id: record.path.rpartition(".")[2] for record in found.records}
    assert names == {"a_au": "flac", "b": "flac", "c": "wav"}
    for record in found.records:
        heard = io.read(record.path, content=found.files[record.path])
        assert np.array_equal(heard.samples, io.read(tmp_path / "a.au").samples)


def test_a_record_has_no_path_of_the_machine(shards):
    record = json.loads((shards / "packing.json").read_text())
    assert set(record) == {"digest", "num_shards"}


def test_data_that_are_none(tmp_path):
    with pytest.raises(ManifestError, match=r"nowhere: no such file or folder\. Name a data fol"):
        pack(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(ManifestError, match=r": no utterances\.jsonl in it\. Name a data folder"):
        pack(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_manifest_alone_has_no_noise(data_folder, corpus, tmp_path):
    packed = pack(data_folder / "utterances.jsonl", tmp_path, per_shard=100)
    assert packed.num_shards == {"shards.list": 1}
    assert len(read_manifest(data_folder / "utterances.jsonl", Utterance)) == 14
