"""Speaker modules on self-supervised front-ends: how layers become one vector."""

import pytest
import torch

from wesep_like.errors import ConfigError
from wesep_like.models.speakers import SPEAKERS
from wesep_like.models.speakers.ssl.layers import (
    LayerAttentivePooling,
    WeightedSum,
    build_layers,
)


def test_a_weighted_sum_starts_as_the_mean():
    states = torch.randn(2, 5, 3, 7)
    layers = WeightedSum(5, 3)
    torch.testing.assert_close(layers(states), states.mean(dim=2))
    with torch.no_grad():
        layers.scores.copy_(torch.tensor([0.0, torch.inf, 0.0]).clamp(max=50))
    torch.testing.assert_close(layers(states), states[:, :, 1])


def test_layer_attentive_pooling_by_hand():
    """Two heads, each frame for itself, as the paper's equations say."""
    states = torch.randn(2, 6, 4, 5)
    layers = LayerAttentivePooling(6, 4, out_dim=3, num_heads=2).eval()
    first, _, second = layers.excite
    expected = torch.empty(2, 6, 5)
    for item in range(2):
        for frame in range(5):
            normed = layers.norm(states)[item, :, :, frame]  # (channels, states)
            projected = layers.project.weight[..., 0, 0] @ normed + layers.project.bias[:, None]
            for head in range(2):
                mine = projected[3 * head : 3 * head + 3]
                narrow = slice(2 * head, 2 * head + 2)
                wide = slice(4 * head, 4 * head + 4)
                scores = 0
                for seen in (mine.mean(dim=0), mine.max(dim=0).values):
                    squeezed = (first.weight[narrow, :, 0] @ seen + first.bias[narrow]).relu()
                    scores = scores + second.weight[wide, :, 0] @ squeezed + second.bias[wide]
                pooled = (mine * scores.sigmoid()).max(dim=1).values
                expected[item, 3 * head : 3 * head + 3, frame] = pooled
    torch.testing.assert_close(layers(states), layers.bn(layers.conv(expected)))


def test_every_weight_of_layer_attentive_pooling_learns():
    layers = LayerAttentivePooling(32, 3)
    frames = layers(torch.randn(4, 32, 3, 7))
    assert frames.shape == (4, 512, 7)
    (frames * torch.randn_like(frames)).sum().backward()
    assert all((parameter.grad != 0).any() for parameter in layers.parameters())


def test_heads_that_cannot_share_the_channels():
    message = (
        "layers: 'attentive' has 16 heads, which cannot share the 24 channels .*'weighted_sum'"
    )
    with pytest.raises(ConfigError, match=message):
        build_layers("attentive", 24, 3)


def test_factorised_pooling_by_hand(tiny_section):
    speaker = SPEAKERS.build(tiny_section("ssl_mhfa")["speaker"], "s", sample_rate=16000)
    states = torch.randn(2, 16, 3, 7)
    torch.nn.init.normal_(speaker.key_layers.scores)
    torch.nn.init.normal_(speaker.value_layers.scores)
    key_weights = speaker.key_layers.scores.softmax(0)[None, None, :, None]
    value_weights = speaker.value_layers.scores.softmax(0)[None, None, :, None]
    keys = speaker.keys((states * key_weights).sum(dim=2))
    values = speaker.values((states * value_weights).sum(dim=2))
    heads = []
    for number in range(3):
        weights = (speaker.heads.weight[number, :, 0] @ keys).softmax(dim=-1)
        heads.append((values * weights[:, None]).sum(dim=-1))
    cue = speaker.cue_of_states(states)
    torch.testing.assert_close(cue.embedding, speaker.linear(torch.cat(heads, dim=1)))
    torch.testing.assert_close(cue.frames.values, values)


@pytest.mark.parametrize("name", ["ssl", "ssl_ecapa_tdnn"])
def test_layers_may_be_pooled_by_attention(tiny_section, name):
    section = {**tiny_section(name)["speaker"], "layers": "attentive"}
    speaker = SPEAKERS.build(section, "s", sample_rate=16000)
    cue = speaker(0.1 * torch.randn(2, 5003))
    assert cue.embedding.shape == (2, 12)
    assert cue.frames.values.shape[:2] == (2, speaker.frame_dim)
    assert speaker.frame_dim == (512 if name == "ssl" else 16)


def test_ecapa_tdnn_hears_normalised_layers(tiny_section):
    speaker = SPEAKERS.build(tiny_section("ssl_ecapa_tdnn")["speaker"], "s", sample_rate=16000)
    states = torch.randn(2, 16, 3, 50)
    moved = 3 * states + torch.randn(2, 16, 1, 1)
    speaker.eval()
    expected = speaker.cue_of_states(states).embedding
    torch.testing.assert_close(speaker.cue_of_states(moved).embedding, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["ssl", "ssl_ecapa_tdnn", "ssl_mhfa"])
def test_sizes_that_cannot_be(tiny_section, name):
    section = {**tiny_section(name)["speaker"], "embed_dim": 0}
    with pytest.raises(ConfigError, match="^s.embed_dim: expected at least 1, got 0$"):
        SPEAKERS.build(section, "s", sample_rate=16000)
