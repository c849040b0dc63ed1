import sys

import numpy as np
import pytest
import torch

from wesep_like.audio import io
from wesep_like.audio.vad import (
    energy_stretches,
    find_vad,
    silero_stretches,
    speech_only,
)
from wesep_like.errors import AudioError, ConfigError, MissingPackageError

RATE = 16000


def noise(seconds, level_db, seed=0, rate=RATE):
    rng = np.random.default_rng(seed)
    return (10 ** (level_db / 20) * rng.standard_normal(round(seconds * rate))).astype(np.float32)


def in_seconds(stretches, rate=RATE):
    return [(start / rate, end / rate) for start, end in stretches]


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("gain_db", [0, -60])
def test_what_is_loud_is_speech(rate, gain_db):
    """With a margin of 0.1 s, at any level and rate."""
    parts = [(2.0, -75), (1.5, -20), (0.7, -75), (0.8, -26), (3.0, -75)]
    signal = np.concatenate([noise(s, db + gain_db, n, rate) for n, (s, db) in enumerate(parts)])
    (one, other) = in_seconds(energy_stretches(signal, rate), rate)
    assert one == pytest.approx((1.9, 3.6), abs=0.025)
    assert other == pytest.approx((4.1, 5.1), abs=0.025)


def test_pauses_stay_and_clicks_go():
    signal = noise(8.0, -80)
    for start, end in ((1.0, 2.0), (2.4, 3.0), (4.0, 4.8)):
        place = slice(round(start * RATE), round(end * RATE))
        signal[place] = noise(end - start, -20, seed=1)
    signal[6 * RATE : 6 * RATE + 20] = 0.9  # far louder than the voice
    found = in_seconds(energy_stretches(signal, RATE))
    assert len(found) == 2
    assert found[0] == pytest.approx((0.9, 3.1), abs=0.025)
    assert found[1] == pytest.approx((3.9, 4.9), abs=0.025)


@pytest.mark.parametrize("seconds", [1, 100])
def test_how_much_silence_there_is_does_not_matter(seconds):
    signal = np.concatenate([noise(seconds, -80), noise(0.6, -20, 1), noise(seconds, -80, 2)])
    (found,) = in_seconds(energy_stretches(signal, RATE))
    assert found == pytest.approx((seconds - 0.1, seconds + 0.7), abs=0.025)


def test_noise_is_kept_with_the_voice():
    signal = np.concatenate([noise(2, -40), noise(1, -20, 1), noise(2, -40, 2)])
    assert energy_stretches(signal, RATE) == [(0, len(signal))]


@pytest.mark.parametrize("num_samples", [1, 7, 319, 1601])
def test_short_signals(num_samples):
    for start, end in energy_stretches(noise(1, -20)[:num_samples], RATE):
        assert 0 <= start < end <= num_samples


def test_a_constant_is_no_sound():
    signal = noise(3, -70) + np.float32(0.5)
    signal[RATE : 2 * RATE] += noise(1, -20, 1)
    (found,) = in_seconds(energy_stretches(signal, RATE))
    assert found == pytest.approx((0.9, 2.1), abs=0.025)


def test_a_click_is_no_speech():
    signal = np.zeros(RATE, np.float32)
    signal[5000:5100] = 0.5
    assert energy_stretches(signal, RATE) == []
    with pytest.raises(AudioError, match=r"^a\.wav: no speech was found in it\. Give another"):
        speech_only(signal, RATE, energy_stretches, "a.wav")


def test_speech_only_is_its_stretches():
    signal = np.arange(10.0)
    found = speech_only(signal, RATE, lambda samples, rate: [(1, 3), (6, 10)], "a.wav")
    assert found.tolist() == [1, 2, 6, 7, 8, 9]


@pytest.mark.parametrize("find", [energy_stretches, silero_stretches])
@pytest.mark.parametrize("rate", [16000, 22050])
def test_real_speech_among_silence_is_found_where_it_is(shared, find, rate):
    """Within 0.2 s of where it begins and ends, as far as it is loud at all."""
    folder = shared / "corpus" / "LibriSpeech" / "test-other"
    for file in sorted(folder.rglob("*.flac"))[:40:20]:
        voice = io.read(file, sample_rate=rate).samples[: 6 * rate]
        alone = find(voice, rate)
        before = 5 * rate
        signal = noise(16, -75, rate=rate)
        signal[before : before + len(voice)] += voice
        found = find(signal, rate)
        assert found[0][0] / rate == pytest.approx((before + alone[0][0]) / rate, abs=0.2)
        assert found[-1][1] / rate == pytest.approx((before + alone[-1][1]) / rate, abs=0.2)
        assert found[0][0] > before - 0.2 * rate
        assert found[-1][1] < before + len(voice) + 0.2 * rate
        # Nor is any of it lost.
        kept = sum(end - start for start, end in found)
        assert kept == pytest.approx(sum(end - start for start, end in alone), abs=0.4 * rate)
        assert kept > 0.7 * len(voice)


def test_silero_tells_speech_from_noise_as_loud(shared):
    folder = shared / "corpus" / "LibriSpeech" / "test-other"
    voice = io.read(sorted(folder.rglob("*.flac"))[0]).samples[: 4 * RATE]
    level_db = 10 * np.log10(np.mean(voice**2))
    signal = noise(12, level_db - 20)
    signal[5 * RATE : 9 * RATE] += voice
    found = silero_stretches(signal, RATE)
    assert found[0][0] > 4.8 * RATE
    assert found[-1][1] < 9.2 * RATE
    assert sum(end - start for start, end in found) > 2.5 * RATE
    assert energy_stretches(signal, RATE) == [(0, len(signal))]
    # At any level, twice the same, and without a word in it nothing.
    assert silero_stretches(1e-3 * signal, RATE) == found
    assert silero_stretches(noise(3, -30), RATE) == []


def test_looking_for_speech_leaves_the_number_of_threads(monkeypatch):
    import silero_vad  # noqa: F401  # it sets the number when it is imported first

    from wesep_like.audio import vad

    for name in [name for name in sys.modules if name.partition(".")[0] == "silero_vad"]:
        monkeypatch.delitem(sys.modules, name)
    vad._silero.cache_clear()
    # Only looked at: once it is set, some builds of torch solve equations wrongly.
    settings = []
    monkeypatch.setattr(torch, "set_num_threads", settings.append)
    assert find_vad("silero") is silero_stretches
    assert not settings
    torch.set_num_threads(3)
    assert settings == [3]  # what stood there stands there again


def test_names():
    assert find_vad("none") is None
    assert find_vad("energy") is energy_stretches
    with pytest.raises(ConfigError, match="^vad: expected energy, silero or none, got 'loud'$"):
        find_vad("loud")


def test_silero_without_its_package(monkeypatch):
    from wesep_like.audio import vad

    vad._silero.cache_clear()
    monkeypatch.setitem(sys.modules, "silero_vad", None)
    with pytest.raises(MissingPackageError, match="'pip install silero-vad', or choose energy"):
        find_vad("silero")
