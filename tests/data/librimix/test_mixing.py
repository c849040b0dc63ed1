import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from wesep_like.data.librimix.metadata import MetadataRow, ScaledFile
from wesep_like.data.librimix.mixing import (
    FADE_SAMPLES,
    at_rate,
    fitted,
    mixed,
    read_scaled,
    repeated_noise,
)
from wesep_like.errors import AudioError, SampleRateError


def test_sources_are_scaled_in_float32(corpus):
    row = corpus.rows["test-clean"][1]
    signals = read_scaled(row, corpus.librispeech, corpus.wham)
    assert list(signals) == ["s1", "s2", "noise"]
    for signal, source in zip(signals.values(), row.sources, strict=False):
        samples, _ = soundfile.read(corpus.librispeech / source.path, dtype="float32")
        assert signal.dtype == np.float32
        np.testing.assert_array_equal(signal, samples * np.float32(source.gain))
    noise, _ = soundfile.read(corpus.wham / row.noise.path, dtype="float32")
    expected = noise[: len(signals["s1"]), 0] * np.float32(0.75)  # the first of its two channels
    np.testing.assert_array_equal(signals["noise"], expected)
    assert list(read_scaled(row, corpus.librispeech, None)) == ["s1", "s2"]


def test_a_short_noise_is_repeated_with_a_cross_fade():
    noise = np.full(20000, 0.25, np.float32)
    longer = repeated_noise(noise, 50000)
    np.testing.assert_allclose(longer, 0.25, atol=1e-6)  # rising and falling part make one
    noise = np.arange(20000) / 20000
    longer = repeated_noise(noise, 50000)
    assert longer.shape == (50000,)
    kept = 20000 - FADE_SAMPLES
    np.testing.assert_array_equal(longer[:kept], noise[:kept])
    middle = kept + FADE_SAMPLES // 2  # where both are half as loud
    expected = (noise[middle] + noise[FADE_SAMPLES // 2]) / 2
    assert longer[middle] == pytest.approx(expected, abs=1e-9)
    np.testing.assert_array_equal(longer[20000 : 2 * kept], noise[FADE_SAMPLES:kept])


def test_half_the_rate_is_made_as_by_scipy(corpus):
    signals = read_scaled(corpus.rows["test-clean"][0], corpus.librispeech, corpus.wham)
    halved = at_rate(signals, 8000)
    for name, signal in signals.items():
        np.testing.assert_array_equal(halved[name], resample_poly(signal, 8000, 16000))
        assert len(halved[name]) == -(-len(signal) // 2)
    assert at_rate(signals, 16000) == signals


def test_min_cuts_and_max_fills_up():
    signals = {"s1": np.ones(5, np.float32), "s2": np.ones(3, np.float32)}
    assert [len(signal) for signal in fitted(signals, "min").values()] == [3, 3]
    longer = fitted(signals, "max")
    assert longer["s2"].tolist() == [1, 1, 1, 0, 0]
    assert mixed(list(longer.values())).tolist() == [2, 2, 2, 1, 1]


def test_a_mixture_is_float32_whatever_its_noise_is():
    mixture = mixed([np.ones(2, np.float32), np.full(2, 1e-9)])
    assert mixture.dtype == np.float32


def test_what_cannot_be_mixed(corpus):
    def read(source="test-clean/1/10/1-10-0000.flac", noise="tt/long.wav"):
        row = MetadataRow("a", (ScaledFile(source, 1.0),), ScaledFile(noise, 1.0))
        return read_scaled(row, corpus.librispeech, corpus.wham)

    soundfile.write(corpus.wham / "low.wav", np.ones(30000), 8000)
    soundfile.write(corpus.wham / "click.wav", np.ones(FADE_SAMPLES - 1), 16000)
    with pytest.raises(AudioError, match=r"LibriSpeech/nowhere.flac: there is no such file$"):
        read(source="nowhere.flac")
    with pytest.raises(
        AudioError, match=r"tr/xsp08.wav: there is no such file. LibriMix's scripts"
    ):
        read(noise="tr/xsp08.wav")
    with pytest.raises(SampleRateError, match="low.wav: is at 8000 Hz. LibriMix is made of 16000"):
        read(noise="low.wav")
    with pytest.raises(AudioError, match="click.wav: has 8000 samples, too few .* least 8001"):
        read(noise="click.wav")
