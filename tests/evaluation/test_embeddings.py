import os
import time

import numpy as np
import pytest
import soundfile

from wesep_like.data.embedding_archive import read_embeddings, write_embeddings
from wesep_like.errors import AudioError, ManifestError
from wesep_like.evaluation import embeddings as module
from wesep_like.evaluation.embeddings import (
    Encoder,
    Recording,
    embed_recordings,
    embed_to_file,
)
from wesep_like.inference.embedder import Embedder
from wesep_like.inference.signals import ShortEnrollmentWarning

RATE = 16000


@pytest.fixture
def encoder(tiny_model):
    return Encoder(tiny_model, "cpu")


@pytest.fixture
def recordings(write_wav):
    return [
        Recording(str(write_wav(f"{name}.wav", seconds, RATE)), name, f"of_{name}")
        for name, seconds in {"a": 1.2, "b": 1.3, "c": 1.1}.items()
    ]


@pytest.fixture
def heard(monkeypatch):
    """The files that were heard, as they were."""
    names = []
    embed = Embedder.embed

    def spy(self, samples, rate, **options):
        names.append(os.path.basename(options["where"]))
        return embed(self, samples, rate, **options)

    monkeypatch.setattr(Embedder, "embed", spy)
    return names


def test_each_recording_is_heard_once(encoder, recordings, heard):
    told = []
    again = [*recordings, recordings[0]._replace(id="again")]
    made, problems = embed_recordings(encoder, again, progress=lambda *done: told.append(done))
    assert problems == []
    assert heard == ["a.wav", "b.wav", "c.wav"]
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert made.ids.tolist() == ["a", "b", "c", "again"]
    assert made.speakers.tolist() == ["of_a", "of_b", "of_c", "of_a"]
    np.testing.assert_allclose(made.seconds, [1.2, 1.3, 1.1, 1.2])
    samples, _ = soundfile.read(recordings[1].path, dtype="float32")
    expected = encoder.embedder.embed(samples, RATE, where="b.wav")
    np.testing.assert_allclose(made.vectors[1], expected, atol=1e-6)


def test_worker_processes_do_the_same(encoder, recordings, write_wav, tmp_path):
    short = Recording(str(write_wav("short.wav", 0.5, RATE)))
    wanted = [*recordings, Recording(str(tmp_path / "gone.wav")), short]
    with pytest.warns(ShortEnrollmentWarning, match=r"short\.wav: only 0\.50 s long"):
        plain, problems = embed_recordings(encoder, wanted)
    with pytest.warns(ShortEnrollmentWarning, match=r"short\.wav: only 0\.50 s long"):
        made, same_problems = embed_recordings(encoder, wanted, num_workers=1)
    assert problems == same_problems == [f"{tmp_path}/gone.wav: there is no such file"]
    assert made.paths.tolist() == plain.paths.tolist()
    np.testing.assert_allclose(made.vectors, plain.vectors, atol=1e-5)


def test_a_broken_recording_is_left_out(encoder, recordings, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE), RATE)
    silence = Recording(str(tmp_path / "silence.wav"))
    made, problems = embed_recordings(encoder, [silence, *recordings])
    assert made.ids.tolist() == ["a", "b", "c"]
    assert len(problems) == 1
    assert "silence.wav: is silent" in problems[0]
    with pytest.raises(AudioError, match=r"silence\.wav: is silent"):
        embed_recordings(encoder, [silence])
    for value, kind in ((0, "zero"), (np.nan, "not finite")):
        monkeypatch.setattr(Embedder, "embed", lambda *_, value=value, **__: np.full(8, value))
        with pytest.raises(AudioError, match=rf"a\.wav: its embedding is {kind}, which says noth"):
            embed_recordings(encoder, recordings[:1])


def test_what_is_there_is_not_heard_again(encoder, recordings, heard, tmp_path, write_wav):
    out = tmp_path / "out.npz"
    first, _, num_reused = embed_to_file(out, encoder, recordings[1:2])
    assert (heard, num_reused) == (["b.wav"], 0)
    both, _, num_reused = embed_to_file(out, encoder, recordings)
    assert (heard, num_reused) == (["b.wav", "a.wav", "c.wav"], 1)
    found = read_embeddings(out)
    assert found.ids.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(found.vectors[1], first.vectors[0])
    assert found.model == encoder.embedder.identity
    # A recording that has changed since then.
    write_wav("b.wav", 1.5, RATE)
    later = time.time() + 10
    os.utime(recordings[1].path, (later, later))
    changed, _, num_reused = embed_to_file(out, encoder, recordings)
    assert (heard[3:], num_reused) == (["b.wav"], 2)
    assert changed.seconds[1] == 1.5
    assert not np.allclose(changed.vectors[1], both.vectors[1])


def test_a_run_that_is_broken_off_goes_on(encoder, recordings, heard, tmp_path, monkeypatch):
    out, kept = tmp_path / "out.npz", tmp_path / "out.partial.npz"

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_to_file(out, encoder, recordings, progress=stop)
    assert not out.exists()
    assert read_embeddings(kept).ids.tolist() == ["a", "b"]
    _, _, num_reused = embed_to_file(out, encoder, recordings)
    assert (heard, num_reused) == (["a.wav", "b.wav", "c.wav"], 2)
    assert read_embeddings(out).ids.tolist() == ["a", "b", "c"]
    assert not kept.exists()
    # One that is killed has been kept now and then.
    saved = []
    monkeypatch.setattr(module, "_SAVE_SECONDS", 0.0)
    embed_recordings(encoder, recordings, save=lambda done: saved.append(len(done)))
    assert saved == [1, 2, 3]


def test_an_archive_of_another_model_is_not_mixed_with_this_one(
    encoder, recordings, tmp_path, make_embeddings
):
    out = tmp_path / "out.npz"
    embed_to_file(out, encoder, recordings)
    before = out.read_bytes()
    told = r"out\.npz: made by another model or otherwise \(\w{16} vad=none max_seconds=all; now "
    for other in (
        Encoder(encoder.model, "cpu", vad="energy"),
        Encoder(encoder.model, "cpu", max_seconds=1.0),
    ):
        with pytest.raises(ManifestError, match=told):
            embed_to_file(out, other, recordings)
    assert out.read_bytes() == before
    write_embeddings(out, make_embeddings(np.eye(2)))
    with pytest.raises(ManifestError, match=r"\(not said by what; now "):
        embed_to_file(out, encoder, recordings)
    out.write_text("nothing")
    with pytest.raises(ManifestError, match=r"out\.npz: no embeddings can be read from it"):
        embed_to_file(out, encoder, recordings)
