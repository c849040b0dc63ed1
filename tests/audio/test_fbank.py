import importlib
import math

import numpy as np
import pytest
import torch

from wesep_like.audio.fbank import Fbank, PreEmphasisLogMel
from wesep_like.audio.torchaudio_import import torchaudio
from wesep_like.errors import AudioError


def noise(*shape):
    return 0.1 * torch.randn(*shape)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("feature_kaldi_fbank80_hamming", lambda: Fbank(16000)),
        ("feature_kaldi_fbank80_povey", lambda: Fbank(16000, window="povey")),
        ("feature_wesep_consistent_mel80", lambda: PreEmphasisLogMel(16000)),
    ],
)
def test_published_features(interop_case, name, make):
    case = interop_case(name)
    features = make()(case.input("enrollment")).transpose(1, 2)
    expected = case.outputs["features"]
    assert features.shape == expected.shape
    assert (features - expected).norm() / expected.norm() < 1e-5


@pytest.mark.parametrize("window", ["hamming", "povey"])
@pytest.mark.parametrize(
    ("sample_rate", "num_bins"),
    [(8000, 40), (8000, 128), (11025, 40), (16000, 80), (16000, 24), (16000, 5), (44100, 80)],
)
def test_it_is_kaldis(sample_rate, num_bins, window):
    kaldi = importlib.import_module(f"{torchaudio.__name__}.compliance.kaldi")
    samples = noise(1, 8003) + 0.2  # an offset, which must not matter
    expected = kaldi.fbank(
        samples * 2**15,
        sample_frequency=sample_rate,
        num_mel_bins=num_bins,
        window_type=window,
        dither=0.0,
    )
    features = Fbank(sample_rate, num_bins=num_bins, window=window)(samples)
    torch.testing.assert_close(features[0].T, expected, atol=1e-3, rtol=1e-5)


@pytest.mark.parametrize("num_bins", [1, 3])
def test_few_bins(num_bins):
    samples = noise(1, 1603)
    features = Fbank(16000, num_bins=num_bins)(samples)
    assert features.shape == (1, num_bins, 8)
    assert (features > 0).all()  # each of them hears something


def test_bins_between_the_points_of_the_spectrum():
    features = Fbank(16000, frame_samples=8, hop_samples=4)(noise(1, 1603))
    deaf = Fbank(16000, frame_samples=8).mel.sum(1) == 0
    assert deaf[:16].all()  # the first bins that are summed together
    assert (features[:, deaf] == math.log(torch.finfo(torch.float32).eps)).all()
    assert (features[:, ~deaf] > 0).all()


@pytest.mark.parametrize("at_a_time", [1, 7, 20])
def test_parts_are_the_whole(monkeypatch, at_a_time):
    samples = noise(3, 8003)
    module = Fbank(16000, mean_normalize=True)
    whole = module(samples)
    monkeypatch.setattr("wesep_like.audio.fbank._CACHED_FRAMES", at_a_time)
    parts = module(samples)
    assert parts.is_contiguous()
    torch.testing.assert_close(parts, whole, atol=1e-4, rtol=1e-5)


def test_the_gradient_of_parts(monkeypatch):
    samples = noise(2, 8003).requires_grad_()
    module = Fbank(16000)
    (whole,) = torch.autograd.grad(module(samples).square().sum(), samples)
    monkeypatch.setattr("wesep_like.audio.fbank._CACHED_FRAMES", 7)
    (parts,) = torch.autograd.grad(module(samples).square().sum(), samples)
    assert (parts - whole).norm() / whole.norm() < 1e-5


def test_an_exported_program_takes_any_length(monkeypatch):
    monkeypatch.setattr("wesep_like.audio.fbank._CACHED_FRAMES", 7)
    module = Fbank(16000, mean_normalize=True)
    lengths = {"samples": {1: torch.export.Dim.AUTO}}
    exported = torch.export.export(module, (noise(2, 8003),), dynamic_shapes=lengths).module()
    for num_samples in (1603, 9001):
        samples = noise(2, num_samples)
        torch.testing.assert_close(exported(samples), module(samples), atol=1e-4, rtol=1e-5)


MODULES = [Fbank(16000), Fbank(16000, mean_normalize=True), PreEmphasisLogMel(16000)]


@pytest.mark.parametrize("module", MODULES)
def test_a_batch_is_its_singles(module):
    samples = noise(3, 1603)
    singles = torch.cat([module(samples[number : number + 1]) for number in range(3)])
    torch.testing.assert_close(module(samples), singles, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_does_not_reach_it(module, dtype):
    samples = noise(2, 1603)
    expected = module(samples)
    with torch.autocast("cpu", dtype=dtype):
        features = module(samples)
    assert features.dtype == torch.float32
    torch.testing.assert_close(features, expected)
    # Loud: full scale in steps of 16 bits has energies far above what half precision holds.
    with torch.autocast("cpu", dtype=dtype):
        assert module(torch.ones(1, 1603)).isfinite().all()


@pytest.mark.parametrize("module", MODULES)
def test_silence_and_its_gradient_are_finite(module):
    samples = torch.zeros(1, 1603, requires_grad=True)
    features = module(samples)
    features.sum().backward()
    assert features.isfinite().all()
    assert samples.grad.isfinite().all()


def test_mean_normalize():
    samples = noise(2, 3200)
    features = Fbank(16000)(samples)
    normalized = Fbank(16000, mean_normalize=True)(samples)
    torch.testing.assert_close(normalized, features - features.mean(-1, keepdim=True))
    torch.testing.assert_close(normalized.mean(-1), torch.zeros(2, 80), atol=1e-4, rtol=0)


def test_the_scale_is_an_offset():
    samples = noise(1, 1603)
    louder = Fbank(16000)(samples) - Fbank(16000, waveform_scale=1.0)(samples)
    expected = torch.full_like(louder, 2 * np.log(2**15))
    torch.testing.assert_close(louder, expected, atol=1e-3, rtol=0)


def test_the_number_of_frames():
    module = Fbank(16000)
    for num_samples, num_frames in ((400, 1), (559, 1), (560, 2), (16000, 98)):
        assert module(noise(1, num_samples)).shape == (1, 80, num_frames)
    assert PreEmphasisLogMel(16000, num_bins=24)(noise(1, 1280)).shape == (1, 24, 11)


def test_too_short():
    with pytest.raises(
        AudioError,
        match=r"samples: 399 are too few .*Give at least 400 \(25 ms at 16000 Hz\)",
    ):
        Fbank(16000)(noise(1, 399))
    with pytest.raises(AudioError, match="samples: 256 are too few .*Give at least 257"):
        PreEmphasisLogMel(16000)(noise(1, 256))
    PreEmphasisLogMel(16000)(noise(1, 257))


@pytest.mark.parametrize("module", MODULES)
def test_nothing_of_it_is_saved(module):
    assert module.state_dict() == {}


def test_it_builds_on_the_meta_device():
    with torch.device("meta"):
        samples = torch.zeros(1, 1603)
    assert Fbank(16000).to("meta")(samples).shape == (1, 80, 8)
