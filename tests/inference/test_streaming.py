"""Extraction from a mixture in pieces."""

import numpy as np
import pytest
import torch

from wesep_like.errors import AudioError, ConfigError, ShapeError
from wesep_like.inference.extractor import Extractor
from wesep_like.models import build_tse

SECTION = {
    "separator": {"name": "bsrnn", "channels": 8, "num_blocks": 1, "causal": True},
    "speaker": {"name": "ecapa_tdnn", "channels": 16, "embed_dim": 8},
    "fusion": {"name": "multiply"},
}


@pytest.fixture
def extractor():
    return Extractor(build_tse(SECTION, 16000), "cpu")


def noise(num_samples):
    return 0.1 * np.random.default_rng(num_samples).standard_normal(num_samples, dtype="float32")


def test_the_voice_of_the_pieces_is_that_of_the_whole(extractor):
    mixture, enrollment = noise(20000), noise(24000)
    stream = extractor.stream(enrollment, 16000)
    told = [stream.push(piece) for piece in np.array_split(mixture, 13)]
    told.append(stream.finish())
    voice = np.concatenate(told)
    assert voice.dtype == np.float32
    whole = extractor.extract(mixture, enrollment, 16000)
    assert voice.shape == whole.shape
    # `extract` knows how loud the voice is in all of the mixture, and whether upside down.
    cosine = torch.cosine_similarity(torch.from_numpy(voice), torch.from_numpy(whole), dim=0).abs()
    assert cosine > 0.99999


def test_what_cannot_be_streamed(extractor):
    with pytest.raises(ShapeError, match=r"mixture: expected \(samples,\), got \(2, 500\)"):
        extractor.stream(noise(24000), 16000).push(np.zeros((2, 500), "float32"))
    with pytest.raises(AudioError, match="stream: 0 samples are too few. Expected at least 257"):
        extractor.stream(noise(24000), 16000).finish()
    section = {**SECTION, "separator": {**SECTION["separator"], "causal": False}}
    with pytest.raises(ConfigError, match="BSRNN takes a mixture in one piece only"):
        Extractor(build_tse(section, 16000), "cpu").stream(noise(24000), 16000)
