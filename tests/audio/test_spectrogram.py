import pytest
import torch

from wesep_like.audio.spectrogram import power_spectrogram, spectrogram_picture


def tone(num_samples=16000):
    return torch.sin(2 * torch.pi * 1000 * torch.arange(num_samples) / 16000)


def test_a_spectrogram_has_its_tone_at_the_right_height():
    picture = spectrogram_picture(power_spectrogram(tone()))
    assert picture.shape[0] == 257
    assert picture.min() >= 0
    assert picture.max() == 1
    row = picture.mean(dim=1).argmax().item()
    assert row == 256 - round(1000 / (16000 / 512))


def test_two_pictures_on_one_scale():
    loud, quiet = (power_spectrogram(gain * tone(), 256) for gain in (1.0, 0.1))
    peak = loud.max().item()
    middle = loud.shape[1] // 2
    first, second = (spectrogram_picture(power, peak)[:, middle].max() for power in (loud, quiet))
    assert first == pytest.approx(1, abs=0.01)
    assert (first - second).item() == pytest.approx(20 / 70, abs=1e-3)


def test_a_short_and_a_silent_signal_have_pictures():
    assert spectrogram_picture(power_spectrogram(tone(10))).isfinite().all()
    assert spectrogram_picture(power_spectrogram(torch.zeros(600))).isfinite().all()
