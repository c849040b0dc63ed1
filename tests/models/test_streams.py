"""A causal separator says the same of a mixture in pieces as of the whole."""

import pytest
import torch

from wesep_like.errors import AudioError, ConfigError
from wesep_like.models import SpeakerCue, build_tse


@pytest.fixture
def model(tiny_section):
    section = tiny_section("resnet18", "multiply", "every")
    section["separator"] = {**section["separator"], "causal": True, "hop_ms": 16.0}
    return build_tse(section, 16000).eval()


@pytest.fixture
def cue():
    return SpeakerCue(torch.randn(2, 12))


LENGTHS = [258, 300, 511, 512, 513, 1603, 2048, 4000]


@torch.no_grad()
@pytest.mark.parametrize(
    ("num_samples", "piece"),
    [(length, piece) for length in LENGTHS for piece in (100, 256, 777, 5000)] + [(300, 1)],
)
def test_pieces_are_the_whole(model, cue, num_samples, piece):
    mixture = torch.randn(2, num_samples)
    stream = model.stream(cue)
    told = [stream.push(part) for part in mixture.split(piece, dim=-1)]
    told.append(stream.finish())
    expected = model.extract(mixture, cue)
    torch.testing.assert_close(torch.cat(told, dim=-1), expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_stream_lags_by_a_window(model, cue):
    stream, heard, told = model.stream(cue), 0, 0
    window = model.separator.stft.win_samples
    for part in torch.randn(2, 4000).split(100, dim=-1):
        told += stream.push(part).shape[-1]
        heard += part.shape[-1]
        assert told > heard - window


@torch.no_grad()
def test_nothing_is_heard_from_beyond_a_window(model, cue):
    mixture = torch.randn(2, 4000)
    other = mixture.clone()
    other[:, 3000:] = 0
    same = 3000 - model.separator.stft.win_samples
    one, two = model.extract(mixture, cue), model.extract(other, cue)
    torch.testing.assert_close(one[:, :same], two[:, :same], atol=1e-6, rtol=1e-5)
    assert (one[:, same:3000] - two[:, same:3000]).abs().max() > 1e-3


def test_too_short_a_stream(model, cue):
    stream = model.stream(cue)
    assert stream.push(torch.randn(2, 256)).shape == (2, 0)
    with pytest.raises(AudioError, match="stream: 256 samples are too few. Expected at least 257"):
        stream.finish()


def test_what_hears_ahead_cannot_stream(tiny_section, cue):
    with pytest.raises(ConfigError, match="BSRNN takes a mixture in one piece only"):
        build_tse(tiny_section(), 16000).stream(cue)
