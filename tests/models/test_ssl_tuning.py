"""What of a self-supervised front-end learns, and that the rest really does not."""

import re

import pytest
import torch

from wesep_like.errors import ConfigError
from wesep_like.models.speakers import SPEAKERS

KINDS = ("wavlm", "hubert", "wav2vec2", "wav2vec2-bert")
MODEL = r"frontend\.model\."
LORA = r"(attention|self_attn)\.(\w+\.)*parametrizations\.\w+\.0\.(down|up)$"
BOTTLENECK = r"(attention|self_attn|feed_forward|ffn2)\.(down|up)\.(weight|bias)$"
# Of the model, by option, what learns.
MODES = {
    "none": ({}, None),
    "all": ({"tuned": "all"}, MODEL),
    "last layer": ({"tuned": 1}, MODEL + r"encoder\.(transformer\.)?layers\.1\."),
    "lora": ({"lora_rank": 2}, MODEL + r".*" + LORA),
    "bottlenecks": ({"bottleneck_dim": 3}, MODEL + r".*" + BOTTLENECK),
    "both": ({"bottleneck_dim": 3, "lora_rank": 1}, rf"{MODEL}.*({LORA}|{BOTTLENECK})"),
    "layer and lora": ({"tuned": 1, "lora_rank": 1}, rf"{MODEL}encoder.*(\.layers\.1\.|{LORA})"),
}
# A softmax does not see what is added to all that it compares.
INVISIBLE = ("k_proj.bias", "linear_k.bias", "pool.linear2.bias")


def speech(*shape):
    return 0.1 * torch.randn(*shape)


def build(source, name="ssl", **frontend):
    section = {"name": name, "frontend": {"source": str(source), **frontend}, "embed_dim": 12}
    speaker = SPEAKERS.build(section, "s", sample_rate=16000)
    speaker.load_pretrained()
    return speaker


def tensors(module):
    """Copies of all parameters and buffers, also of those that are not saved."""
    both = [*module.named_parameters(), *module.named_buffers()]
    return {name: value.detach().clone() for name, value in both}


def train(speaker, num_steps=3):
    speaker.train()
    learnt = [parameter for parameter in speaker.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(learnt, 1e-2)
    for _ in range(num_steps):
        optimizer.zero_grad()
        embedding = speaker(speech(4, 1203)).embedding
        (embedding * torch.randn_like(embedding)).sum().backward()
        optimizer.step()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("source", [*KINDS, "TINY_WAVLM", "TINY_WAV2VEC2"])
def test_what_learns_changes_and_nothing_else(write_checkpoint, tiny_pipelines, source, mode):
    frontend, pattern = MODES[mode]
    source = write_checkpoint(source) if source in KINDS else source
    speaker = build(source, **frontend)
    before = tensors(speaker)
    train(speaker)
    after = tensors(speaker)
    for name, value in before.items():
        of_model = name.startswith("frontend.")
        learns = not of_model or (pattern is not None and re.match(pattern, name) is not None)
        if not name.endswith(INVISIBLE):
            assert torch.equal(value, after[name]) != learns, name
    for name, parameter in speaker.named_parameters():
        assert parameter.requires_grad == (parameter.grad is not None), name


@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_learn_is_as_in_evaluation(write_checkpoint, kind):
    """No dropout, no layers left out, no frames masked, though its config.json asks for all."""
    speaker = build(write_checkpoint(kind, mask_time_prob=0.5, layerdrop=0.5))
    assert speaker.training
    samples = speech(2, 4003)
    states = speaker.frontend(samples)
    speaker.train()
    assert not states.requires_grad
    assert torch.equal(states, speaker.frontend(samples))
    assert torch.equal(states, speaker.eval().frontend(samples))


@pytest.mark.parametrize("kind", KINDS)
def test_what_learns_leaves_no_layer_out_and_masks_nothing(write_checkpoint, kind):
    dropouts = ("hidden_dropout", "activation_dropout", "attention_dropout", "feat_proj_dropout")
    if kind == "wav2vec2-bert":
        dropouts += ("conformer_conv_dropout",)
    settings = dict.fromkeys(dropouts, 0.0) | {"mask_time_prob": 0.5, "layerdrop": 0.5}
    speaker = build(write_checkpoint(kind, **settings), tuned="all").train()
    samples = speech(2, 4003)
    expected = speaker.frontend(samples)
    for _ in range(5):
        torch.testing.assert_close(speaker.frontend(samples), expected)


def test_only_what_learns_drops_out(write_checkpoint):
    folder = write_checkpoint("wavlm", hidden_dropout=0.5)
    speaker = build(folder, tuned=1).train()
    samples = speech(1, 4003)
    first, second = speaker.frontend(samples), speaker.frontend(samples)
    assert torch.equal(first[:, :, :2], second[:, :, :2])
    assert not torch.equal(first[:, :, 2], second[:, :, 2])


@pytest.mark.parametrize("source", [*KINDS, "TINY_WAVLM", "TINY_WAV2VEC2"])
@pytest.mark.parametrize("adapters", [{"lora_rank": 2}, {"bottleneck_dim": 3}], ids=str)
def test_adapters_do_nothing_at_first(write_checkpoint, tiny_pipelines, source, adapters):
    source = write_checkpoint(source) if source in KINDS else source
    samples = speech(2, 4003)
    expected = build(source).eval().frontend(samples)
    torch.testing.assert_close(build(source, **adapters).eval().frontend(samples), expected)


def test_the_scale_of_a_low_rank_change(write_checkpoint):
    """W + alpha / rank * B A, at queries and values."""
    folder = write_checkpoint("hubert")
    plain = build(folder).frontend.model.encoder.layers[0].attention
    for options, scale in (({"lora_alpha": 3.0}, 1.5), ({}, 2.0)):
        changed = build(folder, lora_rank=2, **options).frontend.model.encoder.layers[0].attention
        for name in ("q_proj", "v_proj"):
            change = getattr(changed, name).parametrizations.weight[0]
            torch.nn.init.normal_(change.up)
            expected = getattr(plain, name).weight + scale * change.up[0] @ change.down[0]
            torch.testing.assert_close(getattr(changed, name).weight, expected)
        torch.testing.assert_close(changed.k_proj.weight, plain.k_proj.weight)


def test_a_low_rank_change_in_one_matrix_leaves_the_keys(tiny_pipelines):
    layer = build("TINY_WAVLM", lora_rank=2).frontend.model.encoder.transformer.layers[0]
    attention = layer.attention.attention
    before = attention.parametrizations.in_proj_weight.original
    torch.nn.init.normal_(attention.parametrizations.in_proj_weight[0].up)
    changed = (attention.in_proj_weight != before).any(dim=1)
    assert changed.tolist() == 16 * [True] + 16 * [False] + 16 * [True]


@pytest.mark.parametrize(
    ("frontend", "message"),
    [
        ({"tuned": 3}, "tuned: expected at most 2 layers, as many as the model has, got 3"),
        ({"tuned": 0}, "tuned: expected at least 1, got 0"),
        ({"tuned": "some"}, "tuned: expected 'none', 'all' or int, got 'some'"),
        ({"lora_rank": 0}, "lora_rank: expected at least 1, got 0"),
        ({"bottleneck_dim": 0}, "bottleneck_dim: expected at least 1, got 0"),
        ({"lora_alpha": 2.0}, "lora_alpha: expected null without lora_rank, got 2.0"),
        (
            {"tuned": "all", "lora_rank": 2},
            "tuned: 'all', which leaves nothing to adapters. Expected 'none'",
        ),
    ],
)
def test_what_cannot_learn(write_checkpoint, frontend, message):
    with pytest.raises(ConfigError, match=f"^s.frontend.{message}"):
        build(write_checkpoint("wavlm"), **frontend)
