import pytest
import torch

from wesep_like.audio.stft import STFT


@pytest.mark.parametrize(("win_samples", "hop_samples"), [(512, 128), (256, 128), (32, 8)])
@pytest.mark.parametrize("num_samples", [300, 512, 1601, 1602, 1603])
def test_the_inverse_gives_the_signal_back(win_samples, hop_samples, num_samples):
    stft = STFT(win_samples, hop_samples)
    samples = torch.randn(2, num_samples)
    spectrum = stft(samples)
    assert spectrum.shape == (2, stft.num_bins, num_samples // hop_samples + 1)
    assert spectrum.is_complex()
    torch.testing.assert_close(stft.inverse(spectrum, num_samples), samples, atol=1e-5, rtol=1e-5)


def test_a_tone_is_in_its_bin():
    tone = torch.cos(2 * torch.pi * 32 * torch.arange(2048) / 512)
    spectrum = STFT(512, 128)(tone[None]).abs()[0, :, 4:-4]
    assert (spectrum.argmax(dim=0) == 32).all()
    # The sum of a Hann window is half its length; a cosine of 1 has half of that at +f.
    torch.testing.assert_close(
        spectrum[32], torch.full((spectrum.shape[1],), 128.0), rtol=1e-4, atol=0
    )


def test_the_shortest_signal():
    stft = STFT(512, 128)
    samples = torch.randn(1, stft.min_samples)
    torch.testing.assert_close(
        stft.inverse(stft(samples), stft.min_samples), samples, atol=1e-5, rtol=1e-5
    )
    with pytest.raises(RuntimeError):
        stft(samples[:, :-1])


def test_half_precision_in_is_single_inside():
    stft = STFT(64, 16)
    samples = torch.randn(1, 640)
    spectrum = stft(samples.bfloat16())
    assert spectrum.dtype == torch.complex64
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(stft(samples), STFT(64, 16)(samples))


def test_it_is_differentiable_both_ways():
    stft = STFT(64, 16)
    samples = torch.randn(1, 640, requires_grad=True)
    stft.inverse(stft(samples), 640).square().sum().backward()
    torch.testing.assert_close(samples.grad, 2 * samples.detach(), atol=1e-4, rtol=1e-4)


def test_nothing_of_it_is_saved():
    assert STFT(64, 16).state_dict() == {}
