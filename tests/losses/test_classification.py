import math
import zlib

import numpy as np
import pytest
import torch

from wesep_like.errors import ConfigError
from wesep_like.losses import CLASSIFIERS, AAMSoftmax


def build(name, num_speakers=7, **options):
    torch.manual_seed(0)
    return CLASSIFIERS.build(
        {"name": name, **options}, "losses.speaker", embed_dim=5, num_speakers=num_speakers
    )


def embeddings(num=4, dim=5):
    return torch.randn(num, dim, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", CLASSIFIERS.names())
def test_every_head_learns_and_leaves_unknown_speakers_out(name):
    head = build(name)
    embedding = embeddings().requires_grad_()
    loss = head(embedding, torch.tensor([3, -1, 0, -1]))
    assert loss.shape == ()
    torch.testing.assert_close(loss, head(embedding[[0, 2]], torch.tensor([3, 0])))
    loss.backward()
    assert embedding.grad[[0, 2]].abs().sum(-1).min() > 0
    assert (embedding.grad[[1, 3]] == 0).all()
    for parameter in head.parameters():
        assert parameter.grad.isfinite().all()


@pytest.mark.parametrize("name", CLASSIFIERS.names())
def test_nobody_known_costs_nothing(name):
    embedding = embeddings().requires_grad_()
    loss = build(name)(embedding, torch.full((4,), -1))
    loss.backward()
    assert loss.item() == 0
    assert (embedding.grad == 0).all()


@pytest.mark.parametrize("name", CLASSIFIERS.names())
def test_overfits(name):
    head = build(name)
    embedding = embeddings().requires_grad_()
    speakers = torch.tensor([3, 1, 0, 6])
    optimizer = torch.optim.Adam([embedding, *head.parameters()], lr=0.05)
    for _ in range(80):
        optimizer.zero_grad()
        head(embedding, speakers).backward()
        optimizer.step()
    assert (head.logits(embedding).argmax(-1) == speakers).all()


def test_aam_softmax_by_its_angles():
    head = AAMSoftmax(5, 7, margin=0.3, scale=10.0)
    speakers = torch.tensor([3, -1, 0, 6])
    plain, margined = head.logits(embeddings()), head.logits(embeddings(), speakers)
    for item, speaker in [(0, 3), (2, 0), (3, 6)]:
        angle = math.acos(plain[item, speaker].item() / 10)
        if angle + 0.3 < math.pi:
            assert margined[item, speaker].item() == pytest.approx(
                10 * math.cos(angle + 0.3), abs=1e-4
            )
    changed = (plain != margined).nonzero().tolist()
    assert changed == [[0, 3], [2, 0], [3, 6]]


def test_aam_softmax_is_monotonous_and_without_a_jump_up_to_the_opposite_side():
    head = AAMSoftmax(2, 1, margin=0.5, scale=1.0)
    head.weight.data = torch.tensor([[1.0, 0.0]])
    angles = torch.linspace(0, math.pi, 2001)
    embedding = torch.stack([angles.cos(), angles.sin()], -1)
    values = head.logits(embedding, torch.zeros(len(angles), dtype=torch.long))[:, 0]
    steps = values.diff()
    assert (steps < 1e-6).all()
    assert steps.abs().max() < 2e-3


def test_aam_softmax_has_finite_gradients_at_its_corners():
    head = AAMSoftmax(2, 2)
    head.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    embedding = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]]).requires_grad_()
    head(embedding, torch.zeros(3, dtype=torch.long)).backward()
    assert embedding.grad.isfinite().all()
    assert head.weight.grad.isfinite().all()


def test_a_schedule_may_set_the_margin():
    head = AAMSoftmax(5, 7, margin=0.0)
    speakers = torch.tensor([3, 1, 0, 6])
    torch.testing.assert_close(head.logits(embeddings(), speakers), head.logits(embeddings()))
    head.margin = 0.2
    assert head(embeddings(), speakers) > torch.nn.functional.cross_entropy(
        head.logits(embeddings()), speakers
    )


def test_aam_softmax_is_the_published_arc_margin(shared):
    # Weights and input as interop/README.md derives them.
    def draw(key, *shape):
        return np.random.default_rng(zlib.crc32(key)).standard_normal(shape)

    head = AAMSoftmax(192, 20, margin=0.2, scale=32.0)
    weight = torch.tensor(draw(b"weight", 20, 192) / math.sqrt(192), dtype=torch.float32)
    head.load_state_dict({"weight": weight})
    embedding = torch.tensor(0.1 * draw(b"input:embedding", 8, 192), dtype=torch.float32)
    output = head.logits(embedding, torch.arange(8) % 5).detach().numpy()
    expected = np.load(shared / "interop" / "wespeaker_head_arc_margin.npz")["output"]
    assert np.linalg.norm(output - expected) < 1e-5 * np.linalg.norm(expected)


def test_messages():
    with pytest.raises(ConfigError, match="margin: 2.0 radians. A margin lies in"):
        AAMSoftmax(5, 7, margin=2.0)
    with pytest.raises(ConfigError, match="scale: 0. A scale is positive"):
        AAMSoftmax(5, 7, scale=0)
