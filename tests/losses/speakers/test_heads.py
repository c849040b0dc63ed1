import math
import zlib

import numpy as np
import pytest
import torch

from wesep_like.errors import ConfigError
from wesep_like.losses import SPEAKER_LOSSES, SpeakerHead
from wesep_like.losses.speakers import AAMSoftmax, AMSoftmax, ASoftmax, SphereFace2

HEADS = [
    {"name": name, **options}
    for name in ("softmax", "normalised_softmax", "am_softmax", "aam_softmax", "a_softmax")
    for options in ({}, {"num_centres": 3}, {"num_hard": 2}, {"adaptive": 0.5})
    if (name.startswith("a") and name != "a_softmax")
    or "num_hard" not in options
    and "adaptive" not in options
    and (name != "softmax" or not options)
] + [{"name": "sphereface2"}, {"name": "sphereface2", "margin_on": "angle", "num_centres": 2}]


def build(section, num_speakers=7):
    torch.manual_seed(0)
    return SPEAKER_LOSSES.build(section, "losses.speaker", embed_dim=5, num_speakers=num_speakers)


def embeddings(num=4, dim=5):
    return torch.randn(num, dim, generator=torch.Generator().manual_seed(0))


def test_all_heads_are_tried():
    heads = [
        name
        for name in SPEAKER_LOSSES.names()
        if issubclass(SPEAKER_LOSSES.find({"name": name}, ""), SpeakerHead)
    ]
    assert set(heads) == {section["name"] for section in HEADS}


@pytest.mark.parametrize("section", HEADS)
def test_every_head_learns_and_leaves_unknown_speakers_out(section):
    head = build(section)
    embedding = embeddings().requires_grad_()
    loss = head(embedding, torch.tensor([3, -1, 0, -1]))
    assert loss.shape == ()
    torch.testing.assert_close(loss, head(embedding[[0, 2]], torch.tensor([3, 0])))
    loss.backward()
    assert embedding.grad[[0, 2]].abs().sum(-1).min() > 0
    assert (embedding.grad[[1, 3]] == 0).all()
    for parameter in head.parameters():
        assert parameter.grad.isfinite().all()


@pytest.mark.parametrize("section", HEADS)
def test_nobody_known_costs_nothing(section):
    embedding = embeddings().requires_grad_()
    loss = build(section)(embedding, torch.full((4,), -1))
    loss.backward()
    assert loss.item() == 0
    assert (embedding.grad == 0).all()


@pytest.mark.parametrize("section", HEADS)
def test_overfits(section):
    head = build(section)
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


@pytest.mark.parametrize("name", ["am_softmax", "aam_softmax", "a_softmax", "sphereface2"])
def test_a_schedule_may_raise_the_margin(name):
    head = build({"name": name})
    speakers = torch.tensor([3, 1, 0, 6])
    losses = []
    for share in (0.0, 0.5, 1.0):
        head.margin_share = share
        losses.append(head(embeddings(), speakers).item())
    assert losses == sorted(losses)
    assert losses[0] < losses[2]
    if name != "sphereface2":
        head.margin_share = 0.0
        torch.testing.assert_close(head.logits(embeddings(), speakers), head.logits(embeddings()))


def test_the_nearest_centre_of_a_speaker_counts():
    head = AAMSoftmax(2, 2, num_centres=2, scale=1.0)
    head.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    cosine = head.logits(torch.tensor([[0.0, 3.0], [-2.0, 0.0]]))
    torch.testing.assert_close(cosine, torch.tensor([[1.0, 0.0], [0.0, 1.0]]))


def test_the_wrong_speakers_that_are_most_alike_are_made_more_alike():
    plain = AMSoftmax(5, 7, scale=1.0)
    hard = AMSoftmax(5, 7, scale=1.0, num_hard=2, hard_margin=0.06)
    hard.load_state_dict(plain.state_dict())
    speakers = torch.tensor([3, 1, 0, 6])
    before = plain.logits(embeddings(), speakers)
    change = hard.logits(embeddings(), speakers) - before
    for item, speaker in enumerate(speakers.tolist()):
        wrong = [n for n in before[item].argsort(descending=True).tolist() if n != speaker]
        expected = torch.zeros(7)
        expected[wrong[:2]] = 0.06
        torch.testing.assert_close(change[item], expected)


def test_margins_that_are_learnt_grow_where_it_is_easy():
    head = AMSoftmax(2, 3, margin=0.1, scale=32.0, adaptive=2.0)
    head.weight.data = torch.tensor([[1.0, 0.0], [-1.0, 0.2], [-1.0, -0.2]])
    embedding, speakers = head.weight.data.clone(), torch.arange(3)
    optimizer = torch.optim.SGD([head.margins], lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        head(embedding, speakers).backward()
        optimizer.step()
    first, second, third = head.margins.tolist()
    assert first > second + 0.1
    assert second == pytest.approx(third, abs=1e-4)


def test_a_softmax_falls_all_the_way_from_the_speaker_to_the_opposite_side():
    head = ASoftmax(2, 1)
    head.weight.data = torch.tensor([[1.0, 0.0]])
    angles = torch.linspace(0, math.pi, 2001)
    embedding = torch.stack([angles.cos(), angles.sin()], -1)
    values = head.logits(embedding, torch.zeros(len(angles), dtype=torch.long))[:, 0]
    steps = values.diff()
    assert (steps < 1e-6).all()
    assert steps.abs().max() < 5e-3
    # psi runs from 1 to -7, the cosine from 1 to -1; a sixth of the one and the rest of the other.
    assert values[0].item() == pytest.approx(1)
    assert values[-1].item() == pytest.approx((5 * -1 + -7) / 6, abs=1e-4)


@pytest.mark.parametrize("num_speakers", [2, 3, 20, 5994])
@pytest.mark.parametrize("margin_on", ["cosine", "angle"])
def test_sphereface2_begins_in_balance(num_speakers, margin_on):
    head = SphereFace2(4, num_speakers, margin_on=margin_on)
    cosine = torch.zeros(1, num_speakers)
    bias = head.bias.detach().double()
    right = 32 * head._less(cosine, 0.2).double() + bias
    wrong = 32 * head._less(cosine, -0.2).double() + bias
    pulls = 0.7 * torch.sigmoid(-right[0, 0]), 0.3 * torch.sigmoid(wrong[0, 1:]).sum()
    torch.testing.assert_close(*pulls, rtol=1e-4, atol=0)


def test_heads_stay_finite_where_numbers_are_large():
    """log(1 + exp(x)) overflows, and a cosine may be a little above 1 (WeSpeaker's issue 178)."""
    for section in HEADS:
        head = build(section)
        embedding = (1e4 * embeddings()).requires_grad_()
        loss = head(embedding, torch.tensor([3, 1, 0, 6]))
        loss.backward()
        assert loss.isfinite()
        assert embedding.grad.isfinite().all()
    head = SphereFace2(2, 2, scale=1e4)
    assert head(torch.eye(2), torch.tensor([1, 0])).isfinite()


PUBLISHED = {
    "add_margin": ({"name": "am_softmax"}, 1.0),
    "arc_margin": ({"name": "aam_softmax"}, 1.0),
    "arc_margin_intertopk_subcenter": (
        {"name": "aam_softmax", "num_centres": 3, "num_hard": 5, "hard_margin": 0.06},
        1.0,
    ),
    # Its annealing, 1000 / (1 + 0.12), is that of a first step.
    "sphere": ({"name": "a_softmax"}, 6 / (1 + 1000 / 1.12)),
    "sphereface2": ({"name": "sphereface2"}, 1.0),
}


@pytest.mark.parametrize("published", PUBLISHED)
def test_they_are_the_published_heads(shared, published):
    section, share = PUBLISHED[published]
    head = SPEAKER_LOSSES.build(section, "", embed_dim=192, num_speakers=20)
    head.margin_share = share
    head.load_state_dict({name: drawn(name, *v.shape) for name, v in head.state_dict().items()})
    embedding = torch.tensor(0.1 * normal("input:embedding", 8, 192), dtype=torch.float32)
    speakers = torch.arange(8) % 5
    expected = np.load(shared / "interop" / f"wespeaker_head_{published}.npz")
    if "loss" in expected:
        # Its loss is the mean over the batch, as ours; what it gives besides is not used.
        assert head(embedding, speakers).item() == pytest.approx(expected["loss"][0], rel=1e-5)
        return
    output = head.logits(embedding, speakers).detach().numpy()
    assert np.linalg.norm(output - expected["output"]) < 1e-5 * np.linalg.norm(expected["output"])


def test_published_softmax(shared):
    """WeSpeaker has a BatchNorm and a ReLU before the layer; the layer is ours."""
    head = SPEAKER_LOSSES.build({"name": "softmax"}, "", embed_dim=192, num_speakers=20)
    head.linear.load_state_dict(
        {"weight": drawn("trans.2.weight", 20, 192), "bias": drawn("trans.2.bias", 20)}
    )
    norm = torch.nn.BatchNorm1d(192).eval()
    spread = np.random.default_rng(zlib.crc32(b"trans.0.running_var")).uniform(0.5, 1.5, 192)
    norm.load_state_dict(
        {
            "weight": drawn("trans.0.weight", 192),
            "bias": drawn("trans.0.bias", 192),
            "running_mean": drawn("trans.0.running_mean", 192),
            "running_var": torch.tensor(spread),
            "num_batches_tracked": torch.tensor(0),
        }
    )
    embedding = torch.tensor(0.1 * normal("input:embedding", 8, 192), dtype=torch.float32)
    output = head.logits(norm(embedding).relu()).detach().numpy()
    expected = np.load(shared / "interop" / "wespeaker_head_softmax.npz")["output"]
    assert np.linalg.norm(output - expected) < 1e-5 * np.linalg.norm(expected)


def normal(key, *shape):
    return np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape)


def drawn(key, *shape):
    """A published weight, as interop/README.md derives it."""
    if len(shape) > 1 and math.prod(shape[1:]) > 1:
        value = normal(key, *shape) / math.sqrt(math.prod(shape[1:]))
    elif key.endswith("weight"):
        value = np.random.default_rng(zlib.crc32(key.encode())).uniform(0.8, 1.2, shape)
    else:
        value = 0.1 * normal(key, *shape)
    return torch.tensor(value, dtype=torch.float32)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"name": "aam_softmax", "margin": 2.0}, "margin: 2.0 radians. A margin lies in"),
        ({"name": "aam_softmax", "scale": 0.0}, "scale: 0.0. A scale is positive"),
        ({"name": "am_softmax", "num_centres": 0}, "num_centres: expected at least 1, got 0"),
        (
            {"name": "am_softmax", "num_hard": 7},
            "num_hard: expected 0 to 6, fewer than",
        ),
        ({"name": "am_softmax", "hard_margin": -1.0}, "hard_margin: expected a number in"),
        ({"name": "am_softmax", "adaptive": -1.0}, "adaptive: expected at least 0, got -1.0"),
        ({"name": "sphereface2", "margin": -0.1}, "margin: expected a number in"),
        ({"name": "sphereface2", "exponent": 0.0}, "exponent: expected more than 0, got 0.0"),
        ({"name": "sphereface2", "positive_weight": 1.0}, "positive_weight: expected a number bet"),
        ({"name": "triplet", "margin": -0.1}, "margin: expected at least 0, got -0.1"),
    ],
)
def test_messages(section, message):
    with pytest.raises(ConfigError, match=f"losses.speaker.{message}"):
        build(section)
