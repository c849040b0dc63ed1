from typing import get_args

import pytest
import torch

from wesep_like.errors import AudioError, ConfigError
from wesep_like.models import build_speaker, build_tse
from wesep_like.models.separators import SEPARATORS
from wesep_like.models.speakers import SPEAKERS
from wesep_like.models.speakers.gmm_encoder import GMMEncoder
from wesep_like.models.speakers.pooling import PoolingName

# Those that learn an embedding; those of them that hear through a filterbank of their own.
ENCODERS = [name for name in SPEAKERS.names() if name not in ("onnx", "sef", "usef")]
SSL = ("ssl", "ssl_ecapa_tdnn", "ssl_mhfa")
CLASSICAL = ("gmm_ubm", "ivector")
FBANK_ENCODERS = [name for name in ENCODERS if name not in (*SSL, *CLASSICAL, "twin_encoder")]
WITH_POOLING = [name for name in FBANK_ENCODERS if name != "dvector_lstm"]
# A softmax over time does not see what is added to all of its inputs, nor does BatchNorm.
INVISIBLE = (
    "pool.linear2.bias",
    "k_proj.bias",
    "attention.3.bias",
    "local_att.0.bias",
    "local_att.3.bias",
)


@pytest.fixture(params=ENCODERS)
def speaker(request, tiny_section):
    """One of each kind that gives embedding and frames, in evaluation mode."""
    section = tiny_section(request.param)
    separator = SEPARATORS.build(section["separator"], "model.separator", sample_rate=16000)
    wired = {"sample_rate": 16000, "separator": separator}
    return SPEAKERS.build(section["speaker"], "model.speaker", **wired).eval()


def speech(*shape):
    return 0.1 * torch.randn(*shape)


def distance(one, other):
    """How far two batches of embeddings are apart, relative to their length."""
    return (one - other).norm(dim=-1).max() / other.norm(dim=-1).max()


def test_a_batch_is_its_singles(speaker):
    enrollment = speech(3, 5003)
    cue = speaker(enrollment)
    assert cue.embedding.shape == (3, speaker.embed_dim)
    assert cue.frames.values.shape[:2] == (3, speaker.frame_dim)
    singles = [speaker(enrollment[row : row + 1]).embedding for row in range(3)]
    assert distance(cue.embedding, torch.cat(singles)) < 1e-4


def test_padding_is_not_heard(speaker):
    """Enrollments are neither cut to the shortest of a batch nor does what pads them matter."""
    lengths = torch.tensor([5003, 2407, 5003, 4001])
    rows = [speech(1, length) for length in lengths]
    enrollment = speech(4, 5003)  # what is beyond the end is not even silent
    for row, samples in enumerate(rows):
        enrollment[row, : samples.shape[1]] = samples
    alone = torch.cat([speaker(samples).embedding for samples in rows])
    cue = speaker.cue(enrollment, lengths)
    assert distance(cue.embedding, alone) < 1e-4
    for row, samples in enumerate(rows):
        torch.testing.assert_close(
            cue.row(row).frames.values, speaker(samples).frames.values, atol=1e-4, rtol=1e-3
        )
    # Without lengths, all of it is heard.
    whole = speaker.cue(enrollment).embedding
    assert distance(whole, speaker(enrollment).embedding) < 1e-4
    assert distance(whole[1], alone[1]) > 1e-3


def test_padding_is_not_heard_in_training_either(speaker):
    """There, one batch is wanted for BatchNorm: the short are repeated, never the long cut."""
    lengths = torch.tensor([2003, 5003, 3001])
    enrollment = speech(3, 5003)
    whole = enrollment.clone()
    for row, length in enumerate(lengths):
        whole[row] = enrollment[row, :length].repeat(3)[:5003]
    expected = speaker.train()(whole).embedding
    torch.testing.assert_close(speaker.cue(enrollment, lengths).embedding, expected)


def test_gradients_reach_every_parameter(speaker):
    if isinstance(speaker, GMMEncoder):
        assert not list(speaker.parameters())  # it learns without gradients
        return
    speaker.train()
    embedding = speaker(speech(3, 5003)).embedding
    (embedding * torch.randn_like(embedding)).sum().backward()
    for name, parameter in speaker.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        if not name.endswith(INVISIBLE):
            assert (parameter.grad != 0).any(), name


def test_autocast_leaves_the_features_alone(speaker):
    enrollment = speech(2, 5003)
    embedding = speaker(enrollment).embedding
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = speaker(enrollment).embedding.float()
    assert torch.cosine_similarity(embedding, half).min() > 0.98


def test_the_shortest_enrollment(speaker):
    assert speaker(speech(1, speaker.min_samples)).embedding.isfinite().all()


@pytest.mark.parametrize("name", [*FBANK_ENCODERS, *CLASSICAL])
def test_too_short_for_a_frame(tiny_section, name):
    speaker = SPEAKERS.build(tiny_section(name)["speaker"], "s", sample_rate=16000)
    with pytest.raises(AudioError, match="samples: 399 are too few for a frame of features"):
        speaker(speech(1, 399))


def test_silence_gives_a_finite_cue(speaker):
    assert speaker(torch.zeros(1, 5003)).embedding.isfinite().all()


def test_the_level_of_an_enrollment_does_not_matter(speaker):
    enrollment = 20 * speech(1, 5003)
    assert distance(speaker(0.25 * enrollment).embedding, speaker(enrollment).embedding) < 1e-3


@pytest.mark.parametrize("name", WITH_POOLING)
@pytest.mark.parametrize("pooling", get_args(PoolingName))
def test_each_takes_any_pooling_and_other_rates(tiny_section, name, pooling):
    section = {**tiny_section(name)["speaker"], "pooling": pooling, "num_bins": 40}
    speaker = SPEAKERS.build(section, "s", sample_rate=8000).eval()
    assert speaker(speech(2, 2501)).embedding.shape == (2, speaker.embed_dim)


@pytest.mark.parametrize("name", FBANK_ENCODERS)
@pytest.mark.parametrize("num_frames", [11, 40])
def test_frames_are_in_step_with_features(tiny_section, name, num_frames):
    speaker = SPEAKERS.build(tiny_section(name)["speaker"], "s", sample_rate=16000).eval()
    cue = speaker.encode(torch.randn(2, speaker.fbank.num_bins, num_frames))
    assert cue.frames.values.shape[-1] == -(-num_frames // speaker.frame_step)


def test_an_unknown_pooling():
    with pytest.raises(
        ConfigError,
        match="s.pooling: expected 'average', 'deviation', .*'statistics', .*got 'mean'",
    ):
        SPEAKERS.build({"name": "resnet18", "pooling": "mean"}, "s", sample_rate=8000)


@pytest.mark.parametrize("name", FBANK_ENCODERS)
def test_sizes_that_cannot_be(name):
    with pytest.raises(ConfigError) as raised:
        SPEAKERS.build({"name": name, "embed_dim": 0, "num_bins": -1}, "s", sample_rate=8000)
    assert raised.value.problems == (
        "s.embed_dim: expected at least 1, got 0",
        "s.num_bins: expected at least 1, got -1",
    )


def test_a_twin_encoder_goes_with_spex_plus(tiny_section):
    section = {**tiny_section("twin_encoder"), "separator": tiny_section()["separator"]}
    with pytest.raises(ConfigError) as raised:
        build_tse(section, 16000)
    assert raised.value.problems == (
        "model.speaker.name: 'twin_encoder' goes with the separator 'spex_plus' only",
    )
    with pytest.raises(ConfigError, match="asks for separator, which no speaker module is given"):
        build_speaker({"speaker": section["speaker"]}, 16000)


def test_a_twin_encoder_shares_the_filters(tiny_section):
    model = build_tse(tiny_section("twin_encoder", "add"), 16000).eval()
    assert not any("filterbank" in key for key in model.speaker.state_dict())
    enrollment = speech(1, 2407)
    before = model.cue(enrollment).embedding
    with torch.no_grad():
        for parameter in model.separator.filterbanks.parameters():
            parameter.add_(1)
    assert distance(model.cue(enrollment).embedding, before) > 1e-3
    # So it always says the same only if they are frozen too.
    model.freeze(["speaker"])
    assert not model.is_speaker_frozen
    model.train()(speech(1, 1603), enrollment).estimates.sum().backward()
    assert all(parameter.grad is None for parameter in model.speaker.parameters())
    assert all(parameter.grad is not None for parameter in model.separator.parameters())
    model.freeze(["separator"])
    assert model.is_speaker_frozen


def test_ecapa_tdnn_wants_slices_of_equal_width():
    with pytest.raises(ConfigError, match="^s.channels: expected a multiple of 8, got 20$"):
        SPEAKERS.build({"name": "ecapa_tdnn", "channels": 20}, "s", sample_rate=8000)


PUBLISHED = [
    ({"name": "xvector"}, 4.61),
    ({"name": "ecapa_tdnn", "pooling": "attentive"}, 6.19),
    ({"name": "ecapa_tdnn", "channels": 1024, "pooling": "attentive"}, 14.66),
    ({"name": "redimnet", "size": "B0"}, 1.00),
    ({"name": "redimnet", "size": "B1"}, 2.12),
    ({"name": "redimnet", "size": "B2"}, 4.89),
    ({"name": "redimnet", "size": "B3"}, 3.22),
    ({"name": "redimnet", "size": "B4"}, 6.43),
    ({"name": "redimnet", "size": "B5"}, 7.65),
    ({"name": "redimnet", "size": "B6"}, 15.01),
    ({"name": "dvector_lstm"}, 4.73),
]


@pytest.mark.parametrize(("section", "millions"), PUBLISHED)
def test_published_sizes(section, millions):
    with torch.device("meta"):
        speaker = SPEAKERS.build(section, "s", sample_rate=16000)
    count = sum(parameter.numel() for parameter in speaker.parameters())
    assert round(count / 1e6, 2) == millions


def test_an_xvector_of_little_is_that_of_the_same_again(tiny_section):
    """Its layers see 15 frames; fewer are repeated until there are two to pool."""
    speaker = SPEAKERS.build(tiny_section("xvector")["speaker"], "s", sample_rate=16000).eval()
    features = torch.randn(2, 80, 11)
    cue = speaker.encode(features)
    again = speaker.encode(torch.cat([features, features[..., :5]], dim=-1))
    torch.testing.assert_close(cue.embedding, again.embedding)
    assert cue.frames.values.shape[-1] == 11
    assert again.frames.values.shape[-1] == 16


def test_an_ecapa_tdnn_with_a_norm_behind_its_embedding(tiny_section):
    section = {**tiny_section("ecapa_tdnn")["speaker"], "embed_norm": True}
    speaker = SPEAKERS.build(section, "s", sample_rate=16000)
    embedding = speaker(speech(5, 4001)).embedding
    torch.testing.assert_close(embedding.mean(0), torch.zeros(12), atol=1e-5, rtol=0)


@pytest.mark.parametrize("num_frames", [3, 8, 9, 12, 21])
def test_a_d_vector_is_the_mean_of_windows(num_frames):
    section = {
        "name": "dvector_lstm",
        "num_layers": 2,
        "hidden_dim": 5,
        "projection_dim": 3,
        "window_frames": 8,
        "embed_dim": 4,
        "num_bins": 6,
    }
    speaker = SPEAKERS.build(section, "s", sample_rate=16000).eval()
    features = torch.randn(2, 6, num_frames)
    windows = {3: [(0, 3)], 8: [(0, 8)], 9: [(0, 8), (1, 9)], 12: [(0, 8), (4, 12)]}
    windows[21] = [(0, 8), (4, 12), (8, 16), (12, 20), (13, 21)]
    cue = speaker.encode(features)
    vectors, frames = [], []
    for start, end in windows[num_frames]:
        heard, _ = speaker.lstm(features[..., start:end].transpose(1, 2))
        last = speaker.linear(heard[:, -1])
        vectors.append(last / last.norm(dim=-1, keepdim=True))
        frames += heard.unbind(1)[len(frames) - start :]
    torch.testing.assert_close(cue.embedding, sum(vectors) / len(vectors))
    torch.testing.assert_close(cue.frames.values, torch.stack(frames, dim=-1))


def test_a_projection_is_narrower_than_what_it_projects():
    section = {"name": "dvector_lstm", "hidden_dim": 8, "projection_dim": 8}
    message = r"^s.projection_dim: expected less than hidden_dim \(8\), got 8$"
    with pytest.raises(ConfigError, match=message):
        SPEAKERS.build(section, "s", sample_rate=16000)
