import numpy as np
import pytest
import torch
from scipy.fft import dct

from wesep_like.audio.fbank import Fbank
from wesep_like.audio.mfcc import MFCC
from wesep_like.errors import AudioError


def speech(*shape):
    return 0.1 * torch.randn(*shape)


def test_against_scipy_and_a_loop():
    samples = speech(1, 5000)
    found = MFCC(16000, num_cepstra=13, num_bins=24)(samples)
    energies = Fbank(16000, num_bins=24)(samples)[0].double().numpy()
    cepstra = dct(energies, axis=0, norm="ortho")[:13]
    rows = [cepstra]
    for _ in range(2):
        last = rows[-1].shape[1] - 1
        slopes = np.zeros_like(cepstra)
        for frame in range(last + 1):
            for step in (1, 2):
                ahead, behind = min(frame + step, last), max(frame - step, 0)
                slopes[:, frame] += step * (rows[-1][:, ahead] - rows[-1][:, behind]) / 10
        rows.append(slopes)
    expected = np.concatenate(rows)
    expected -= expected.mean(1, keepdims=True)
    assert found.is_speech.all()  # noise is as loud everywhere
    np.testing.assert_allclose(found.features[0], expected, atol=1e-3)


def test_silence_is_no_speech_and_changes_nothing():
    voice = speech(1, 8000)
    padded = torch.cat((voice, 1e-4 * speech(1, 8000)), dim=1)
    mfcc = MFCC(16000)
    alone, with_silence = mfcc(voice), mfcc(padded)
    num_frames = alone.is_speech.shape[1]
    assert alone.is_speech.all()
    assert with_silence.is_speech[0, :num_frames].all()
    assert not with_silence.is_speech[0, num_frames + 3 :].any()
    heard = with_silence.features[0, :, with_silence.is_speech[0]]
    torch.testing.assert_close(heard.mean(1), torch.zeros(60), atol=1e-3, rtol=0)


def test_digital_silence_is_finite():
    found = MFCC(8000)(torch.zeros(2, 4000))
    assert found.features.isfinite().all()
    assert found.is_speech.all()


def test_the_level_does_not_matter():
    samples = speech(1, 8000)
    mfcc = MFCC(16000)
    torch.testing.assert_close(
        mfcc(samples).features, mfcc(0.05 * samples).features, atol=1e-3, rtol=1e-3
    )


def test_too_short_for_a_frame():
    with pytest.raises(AudioError, match="samples: 399 are too few for a frame"):
        MFCC(16000)(speech(1, 399))
