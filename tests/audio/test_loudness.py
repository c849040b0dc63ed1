import numpy as np
import pyloudnorm
import pytest
import torch

from wesep_like.audio.loudness import integrated_loudness


def speechlike(seconds, rate, seed=0, level=0.05):
    """Noise in syllables, with pauses that the gates leave out, and more lows than highs."""
    rng = np.random.default_rng(seed)
    white = rng.standard_normal(round(seconds * rate))
    spectrum = np.fft.rfft(white)
    frequencies = np.fft.rfftfreq(len(white), 1 / rate)
    colored = np.fft.irfft(spectrum / np.maximum(frequencies, 50) ** 0.5 * 10, len(white))
    syllables = np.repeat(rng.choice([0.001, 0.3, 1.0], int(seconds * 4) + 1), rate // 4 + 1)
    syllables[: rate // 4] = 1
    return (level * colored * syllables[: len(white)]).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 48000])
@pytest.mark.parametrize("seconds", [0.4, 0.47, 3.0, 7.3])
def test_it_is_the_loudness_of_pyloudnorm(rate, seconds):
    signals = np.stack([speechlike(seconds, rate, seed, 0.01 * 4**seed) for seed in range(3)])
    meter = pyloudnorm.Meter(rate)
    expected = [meter.integrated_loudness(signal.astype(np.float64)) for signal in signals]
    found = integrated_loudness(torch.from_numpy(signals), rate)
    np.testing.assert_allclose(found.numpy(), expected, atol=0.01)


def test_tones_pauses_and_offsets_are_heard_as_by_pyloudnorm():
    time = np.arange(5 * 16000) / 16000
    tones = [0.3 * np.sin(2 * np.pi * hz * time) for hz in (25, 100, 1000, 3000, 7000)]
    tones.append(tones[2] + 0.2)
    tones.append(tones[2] * (time > 3))
    meter = pyloudnorm.Meter(16000)
    expected = [meter.integrated_loudness(tone) for tone in tones]
    found = integrated_loudness(torch.tensor(np.stack(tones), dtype=torch.float32), 16000)
    np.testing.assert_allclose(found.numpy(), expected, atol=0.02)


def test_padding_is_not_heard():
    signals = torch.zeros(2, 2, 32000)
    lengths = torch.tensor([[32000, 17123], [4800, 1000]])
    alone = torch.zeros(2, 2)
    for row, column in np.ndindex(2, 2):
        length = int(lengths[row, column])
        one = torch.from_numpy(speechlike(length / 16000, 16000, seed=row + column))
        signals[row, column] = 0.3  # whatever stands after the end
        signals[row, column, :length] = one
        alone[row, column] = integrated_loudness(one, 16000)
    torch.testing.assert_close(integrated_loudness(signals, 16000, lengths), alone)


def test_short_signals_have_the_loudness_of_long_ones_of_their_power():
    tone = 0.1 * torch.sin(2 * torch.pi * 1000 * torch.arange(16000) / 16000)
    long = integrated_loudness(tone, 16000)
    assert integrated_loudness(tone[:3200], 16000).item() == pytest.approx(long.item(), abs=0.05)
    assert integrated_loudness(10 * tone[:320], 16000).item() == pytest.approx(
        long.item() + 20, abs=0.5
    )


def test_what_is_far_too_quiet_for_the_gates_is_measured_all_the_same():
    speech = torch.from_numpy(speechlike(3, 16000, level=1e-6))
    assert integrated_loudness(speech, 16000).isfinite()
    assert integrated_loudness(torch.zeros(3, 16000), 16000).tolist() == [-torch.inf] * 3
