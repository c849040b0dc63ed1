"""Losses without labels beside plain loops."""

import math

import pytest
import torch

from wesep_like.losses.self_supervised import (
    Projection,
    PrototypeHead,
    distillation,
    entropy,
    nt_xent,
    queue_contrast,
)


def cosine(one, other):
    return float(one @ other / one.norm() / other.norm())


def wanted_nt_xent(pairs, temperature):
    """As the paper has it: a loop over anchors, and one over all others."""
    crops = [pairs[c, n] for n in range(pairs.shape[1]) for c in range(2)]
    losses = []
    for i, anchor in enumerate(crops):
        partner = i + 1 if i % 2 == 0 else i - 1
        terms = {
            k: math.exp(cosine(anchor, other) / temperature)
            for k, other in enumerate(crops)
            if k != i
        }
        losses.append(-math.log(terms[partner] / sum(terms.values())))
    return sum(losses) / len(losses)


@pytest.mark.parametrize(("batch", "temperature"), [(2, 0.07), (5, 0.5)])
def test_nt_xent_is_a_double_loop(batch, temperature):
    torch.manual_seed(0)
    pairs = torch.randn(2, batch, 6)
    found = nt_xent(pairs, temperature)
    assert found.item() == pytest.approx(wanted_nt_xent(pairs, temperature), rel=1e-5)


def test_shares_of_nt_xent_are_its_parts():
    # Two processes, of two and of three utterances: the mean over their anchors is that of all.
    torch.manual_seed(0)
    pairs = torch.randn(2, 5, 6)
    shares = [nt_xent(pairs[:, :2], 0.1, pairs), nt_xent(pairs[:, 2:], 0.1, pairs, 2)]
    assert ((2 * shares[0] + 3 * shares[1]) / 5).item() == pytest.approx(nt_xent(pairs, 0.1).item())


def test_queue_contrast_is_a_loop():
    torch.manual_seed(0)
    query, key = torch.randn(2, 3, 6)
    queue = torch.nn.functional.normalize(torch.randn(7, 6), dim=-1)
    losses = []
    for q, k in zip(query, key, strict=True):
        right = math.exp(cosine(q, k) / 0.2)
        wrong = sum(math.exp(cosine(q, other) / 0.2) for other in queue)
        losses.append(-math.log(right / (right + wrong)))
    assert queue_contrast(query, key, queue, 0.2).item() == pytest.approx(sum(losses) / 3, rel=1e-5)


def test_distillation_is_of_pairs_of_different_crops():
    torch.manual_seed(0)
    student, teacher = torch.randn(4, 3, 5), torch.randn(2, 3, 5).softmax(-1)
    losses = []
    for t in range(2):
        for s in range(4):
            if s == t:
                continue
            for item in range(3):
                logs = [v - math.log(sum(math.exp(o) for o in student[s, item].tolist()))
                        for v in student[s, item].tolist()]  # fmt: skip
                losses.append(
                    -sum(p * q for p, q in zip(teacher[t, item].tolist(), logs, strict=True))
                )
    assert len(losses) == 2 * 3 * 3
    found = distillation(student, teacher).item()
    assert found == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_entropy_in_nats():
    assert entropy(torch.full((2, 3, 8), 1 / 8)).item() == pytest.approx(math.log(8))
    assert entropy(torch.eye(4)).item() == 0


def test_autocast_leaves_the_losses_in_full_precision():
    torch.manual_seed(0)
    pairs, teacher = torch.randn(2, 4, 6), torch.randn(2, 4, 6).softmax(-1)
    losses = (
        lambda: nt_xent(pairs, 0.05),
        lambda: queue_contrast(*pairs, torch.eye(6), 0.05),
        lambda: distillation(pairs, teacher),
    )
    for loss in losses:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = loss()
        assert found.dtype == torch.float32
        assert torch.equal(found, loss())


def test_losses_are_finite_in_half_precision_and_for_equal_crops():
    same = torch.ones(2, 4, 6, dtype=torch.bfloat16, requires_grad=True)
    loss = nt_xent(same, 0.05)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(7), rel=1e-5)  # nothing tells them apart
    assert same.grad.isfinite().all()


def test_prototypes_are_compared_by_cosine():
    torch.manual_seed(0)
    head = PrototypeHead(6, 9, hidden_dim=8, bottleneck_dim=5, num_layers=3, batch_norm=True)
    found = head(torch.randn(4, 6))
    assert found.shape == (4, 9)
    assert found.abs().max() <= 1 + 1e-6
    head.prototypes.data *= 3
    assert head.eval()(torch.ones(1, 6)).abs().max() <= 1 + 1e-6
    assert sum(isinstance(layer, torch.nn.BatchNorm1d) for layer in head.layers) == 2


def test_a_head_of_one_layer():
    head = PrototypeHead(6, 9, hidden_dim=8, bottleneck_dim=5, num_layers=1, batch_norm=False)
    assert [tuple(p.shape) for p in head.layers.parameters()] == [(5, 6), (5,)]
    assert Projection(6, 8, 4)(torch.zeros(2, 6)).shape == (2, 4)
