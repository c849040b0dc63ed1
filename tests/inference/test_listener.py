"""What of a recording is heard."""

import numpy as np
import pytest

from wesep_like.audio.vad import energy_stretches, speech_only
from wesep_like.errors import AudioError, ConfigError, MissingPackageError
from wesep_like.inference.embedder import Embedder, load_encoder
from wesep_like.inference.extractor import Extractor, load_model
from wesep_like.inference.signals import ShortEnrollmentWarning

RATE = 16000


def noise(seconds, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(round(seconds * RATE))).astype(np.float32)


def silence(seconds):
    return 1e-3 * noise(seconds, seed=9)


@pytest.fixture
def gaps():
    """Three seconds of sound in nine."""
    voice = noise(3)
    return np.concatenate([silence(2), voice[:RATE], silence(3), voice[RATE:], silence(1)])


@pytest.fixture
def click():
    """No speech."""
    signal = np.zeros(2 * RATE, np.float32)
    signal[700:750] = 0.5
    return signal


def test_silence_is_cut_away(tiny_model, gaps):
    trimming = Embedder.load(tiny_model, "cpu", vad="energy")
    hearing = Embedder.load(tiny_model, "cpu")
    speech = speech_only(gaps, RATE, energy_stretches, "gaps")
    assert len(speech) / RATE == pytest.approx(3.4, abs=0.1)
    found = trimming.embed(gaps, RATE)
    np.testing.assert_array_equal(found, hearing.embed(speech, RATE))
    # As published, an encoder hears all of it.
    assert np.abs(found - hearing.embed(gaps, RATE)).max() > 1e-3 * np.abs(found).max()


@pytest.mark.parametrize("load", [load_model, load_encoder])
def test_it_is_for_the_caller_to_say(tiny_model, gaps, load):
    def embedding(signal, **options):
        return load(tiny_model, "cpu", **options).cue(signal, RATE).embedding.numpy()

    speech = speech_only(gaps, RATE, energy_stretches, "gaps")
    everything = embedding(gaps, vad="none", max_seconds=None)
    np.testing.assert_array_equal(
        embedding(gaps, vad="none", max_seconds=4), embedding(gaps[: 4 * RATE], vad="none")
    )
    np.testing.assert_array_equal(
        embedding(gaps, vad="energy", max_seconds=2), embedding(speech[: 2 * RATE], vad="none")
    )
    np.testing.assert_array_equal(embedding(gaps, vad="none", max_seconds=60), everything)
    assert np.abs(embedding(gaps, vad="energy") - everything).max() > 0


def test_each_recording_is_cut(tiny_model):
    extractor = Extractor.load(tiny_model, "cpu", vad="none", max_seconds=1)
    recordings = [noise(3, seed=1), noise(2, seed=2)]
    first_seconds = [extractor.cue(one[:RATE], RATE) for one in recordings]
    np.testing.assert_array_equal(
        extractor.cue(recordings, RATE).embedding, extractor.cue(first_seconds, RATE).embedding
    )


def test_a_minute_of_an_enrollment_is_heard(tiny_model):
    """By itself an encoder hears all of a recording."""
    long, minute = noise(70), slice(60 * RATE)
    extractor, embedder = Extractor.load(tiny_model, "cpu"), Embedder.load(tiny_model, "cpu")
    cut = extractor.cue(long[minute], RATE).embedding
    np.testing.assert_array_equal(extractor.cue(long, RATE).embedding, cut)
    assert (embedder.cue(long, RATE).embedding - cut).abs().max() > 0


def test_the_voices_in_mixtures_and_estimates_are_compared_as_they_are(tiny_model, gaps):
    extractor = Extractor.load(tiny_model, "cpu", vad="energy", max_seconds=1)
    score = extractor.similarity(gaps, noise(2, seed=3), RATE)
    assert score == Embedder.load(tiny_model, "cpu").similarity(gaps, noise(2, seed=3), RATE)


def test_messages(tiny_model, click):
    embedder = Embedder.load(tiny_model, "cpu", vad="energy")
    with pytest.raises(AudioError, match=r"^a\.wav: no speech was found in it"):
        embedder.embed(click, RATE, where="a.wav")
    with pytest.raises(AudioError, match=r"^enrollment 2: no speech was found in it"):
        embedder.cue([noise(2), click], RATE)
    little = np.concatenate([silence(3), noise(0.4)])
    with pytest.warns(ShortEnrollmentWarning, match=r"a\.wav: only 0\.5\d s long"):
        embedder.embed(little, RATE, where="a.wav")
    for load in (Extractor.load, Embedder.load):
        with pytest.raises(ConfigError, match="^vad: expected energy, silero or none, got 'off'"):
            load(tiny_model, "cpu", vad="off")
        with pytest.raises(ConfigError, match=r"^max_seconds: expected at least 0\.125, which the"):
            load(tiny_model, "cpu", max_seconds=0.05)


def test_silero_is_asked_for_before_it_is_needed(tiny_model, monkeypatch):
    from wesep_like.audio import vad

    def missing():
        raise MissingPackageError("vad: silero needs the package silero-vad")

    monkeypatch.setattr(vad, "_silero", missing)
    with pytest.raises(MissingPackageError, match="silero needs the package"):
        Embedder.load(tiny_model, "cpu", vad="silero")
