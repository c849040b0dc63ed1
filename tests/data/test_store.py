from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from wesep_like.data.simulation.plans import Clip
from wesep_like.data.store import AudioStore
from wesep_like.errors import AudioError, SampleRateError


def clip_of(utterance, start, num_samples):
    return Clip(utterance.path, start, num_samples, utterance.sample_rate)


@pytest.mark.parametrize("sample_rate", [8000, 11025])
def test_a_cache_changes_nothing(corpus, sample_rate):
    plain, caching = AudioStore(sample_rate), AudioStore(sample_rate, cache_megabytes=1)
    for _ in range(2):
        for utterance in corpus.utterances:
            clip = clip_of(utterance, 100, 2000)
            assert np.array_equal(plain.read(clip), caching.read(clip))
        for room in corpus.rooms:
            clip = Clip(room.path, 0, room.num_samples, room.sample_rate, channel=1)
            assert np.array_equal(plain.read_response(clip), caching.read_response(clip))


def test_a_file_is_decoded_once(corpus, monkeypatch):
    store = AudioStore(8000, cache_megabytes=1)
    clips = [clip_of(corpus.utterances[0], start, 500) for start in (0, 300, 3000)]
    before = [store.read(clip) for clip in clips]
    monkeypatch.setattr("wesep_like.audio.io.read", None)
    after = [store.read(clip) for clip in clips]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_what_is_kept_cannot_be_changed_from_outside(corpus):
    store = AudioStore(8000, cache_megabytes=1)
    for read in (store.read, store.read_response):
        clip = clip_of(corpus.utterances[0], 0, 500)
        first = read(clip)
        copy = first.copy()
        first *= 2
        assert np.array_equal(read(clip), copy)


def test_the_cache_drops_what_was_not_used_for_longest(tmp_path):
    clips = []
    for number in range(9):
        soundfile.write(tmp_path / f"{number}.wav", np.full(100, 0.1), 8000)
        clips.append(Clip(str(tmp_path / f"{number}.wav"), 0, 100, 8000))
    store = AudioStore(8000, cache_megabytes=0.0017)  # 200 bytes a file: eight of them
    for clip in [*clips[:8], clips[0], clips[8], clips[8]]:
        store.read(clip)
        kept = store._kept
        assert kept.num_bytes == sum(array.nbytes for array in kept.arrays.values()) <= 1700
    assert [key[0] for key in kept.arrays] == [clips[n].path for n in (2, 3, 4, 5, 6, 7, 0, 8)]


def test_a_file_that_would_fill_the_cache_is_not_kept(corpus):
    store = AudioStore(8000, cache_megabytes=0.1)
    long, short = corpus.utterances[-1], corpus.utterances[2]
    assert np.array_equal(store.read(clip_of(long, 5, 90)), store.read(clip_of(long, 5, 90)))
    assert not store._kept.arrays
    store.read(clip_of(short, 5, 90))
    assert store._kept.arrays


def test_floats_above_full_scale_are_not_cut_off(tmp_path):
    samples = np.linspace(-3, 3, 100, dtype=np.float32)
    soundfile.write(tmp_path / "loud.wav", samples, 8000, subtype="FLOAT")
    clip = Clip(str(tmp_path / "loud.wav"), 0, 100, 8000)
    assert np.array_equal(AudioStore(8000, cache_megabytes=1).read(clip), samples)


def test_a_response_is_not_rounded(tmp_path):
    samples = np.array([1, 1e-7, 0.3, 1e-6], dtype=np.float32)
    soundfile.write(tmp_path / "room.wav", samples, 8000, subtype="FLOAT")
    clip = Clip(str(tmp_path / "room.wav"), 0, 4, 8000)
    assert np.array_equal(AudioStore(8000, cache_megabytes=1).read_response(clip), samples)


@pytest.mark.parametrize("cache_megabytes", [0, 1])
def test_a_file_that_is_not_as_its_manifest_says(corpus, cache_megabytes):
    store = AudioStore(8000, cache_megabytes=cache_megabytes)
    clip = clip_of(corpus.utterances[0], 7000, 500)
    with pytest.raises(AudioError, match=r"a0\.flac: .*7500"):
        store.read(clip)
    with pytest.raises(
        SampleRateError, match=r"a0\.flac: is at 8000 Hz, but its manifest says 16000"
    ):
        store.read(replace(clip, start=0, sample_rate=16000))
    with pytest.raises(AudioError, match=r"none\.flac: there is no such file"):
        store.read(replace(clip, path="none.flac"))


@pytest.mark.parametrize("cache_megabytes", [0, 1])
def test_files_in_memory_are_as_those_on_the_disk(corpus, cache_megabytes):
    store = AudioStore(8000, cache_megabytes=cache_megabytes)
    first, second = corpus.utterances[:2]
    held = {f"x.tar:{u.id}.flac": Path(u.path).read_bytes() for u in (first, second)}
    one = store.holding({path: held[path] for path in list(held)[:1]})
    both = one.holding({path: held[path] for path in list(held)[1:]})
    for path, utterance in zip(held, (first, second), strict=True):
        clip = clip_of(utterance, 50, 900)
        assert np.array_equal(both.read(replace(clip, path=path)), store.read(clip))
    assert np.array_equal(both.read(clip), store.read(clip))
    for less in (store, one):
        with pytest.raises(AudioError, match=r"x\.tar:a1\.flac: there is no such file"):
            less.read(replace(clip, path="x.tar:a1.flac", num_samples=901, start=0, channel=0))
