import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from wesep_like.losses import SPEAKER_LOSSES
from wesep_like.losses.speakers.groups import grouped

NAMES = ["prototypical", "angular_prototypical", "ge2e", "triplet"]
SPEAKERS = torch.tensor([4, 2, 4, -1, 2, 9, 4, 0, 0])  # 9 is alone


def build(name):
    return SPEAKER_LOSSES.build({"name": name}, "losses.speaker", embed_dim=6, num_speakers=10)


def embeddings():
    return torch.randn(9, 6, generator=torch.Generator().manual_seed(1))


def test_groups():
    groups = grouped(embeddings(), SPEAKERS)
    assert groups.sizes.tolist() == [2, 2, 3]  # of 0, 2, 4
    assert groups.group.tolist() == [2, 1, 2, 1, 2, 0, 0]
    assert groups.last().tolist() == [6, 3, 4]
    torch.testing.assert_close(groups.sums[1], embeddings()[1] + embeddings()[4])


@pytest.mark.parametrize("name", NAMES)
def test_who_is_alone_or_unknown_is_left_out(name):
    embedding = embeddings().requires_grad_()
    loss = build(name)(embedding, SPEAKERS)
    loss.backward()
    assert loss.item() > 0
    assert (embedding.grad[[3, 5]] == 0).all()
    assert (embedding.grad[[0, 1, 7]].abs().sum(-1) > 0).all()
    kept = [0, 1, 2, 4, 6, 7, 8]
    torch.testing.assert_close(build(name)(embeddings()[kept], SPEAKERS[kept]), loss.detach())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("speakers", [[-1] * 9, [1] * 9, list(range(9))])
def test_nothing_to_compare_costs_nothing(name, speakers):
    embedding = embeddings().requires_grad_()
    loss_of = build(name)
    loss = loss_of(embedding, torch.tensor(speakers))
    loss.backward()
    assert loss.item() == 0
    # No weight is without a gradient, else processes would wait for one another.
    assert all((weight.grad == 0).all() for weight in (embedding, *loss_of.parameters()))


@pytest.mark.parametrize("name", NAMES)
def test_it_tells_speakers_apart(name):
    loss_of = build(name)
    embedding = embeddings().requires_grad_()
    optimizer = torch.optim.Adam([embedding, *loss_of.parameters()], lr=0.05)
    before = loss_of(embedding, SPEAKERS).item()
    for _ in range(150):
        optimizer.zero_grad()
        loss_of(embedding, SPEAKERS).backward()
        optimizer.step()
    assert loss_of(embedding, SPEAKERS).item() < 0.05 * before


def test_prototypical_by_hand():
    e = embeddings()
    queries = torch.stack([e[8], e[4], e[6]])
    prototypes = torch.stack([e[7], e[1], (e[0] + e[2]) / 2])
    distances = torch.cdist(queries, prototypes).square()
    expected = cross_entropy(-distances, torch.arange(3))
    torch.testing.assert_close(build("prototypical")(e, SPEAKERS), expected)
    cosine = normalize(queries) @ normalize(prototypes).T
    expected = cross_entropy(10 * cosine - 5, torch.arange(3))
    torch.testing.assert_close(build("angular_prototypical")(e, SPEAKERS), expected)


def test_ge2e_by_a_double_loop():
    e = normalize(embeddings())
    members = {0: [7, 8], 2: [1, 4], 4: [0, 2, 6]}
    losses = []
    for speaker, items in members.items():
        for item in items:
            scores = []
            for other in members:
                heard = [i for i in members[other] if i != item]
                scores.append(10 * torch.cosine_similarity(e[item], e[heard].mean(0), 0) - 5)
            place = torch.tensor(list(members).index(speaker))
            losses.append(cross_entropy(torch.stack(scores), place))
    torch.testing.assert_close(build("ge2e")(embeddings(), SPEAKERS), torch.stack(losses).mean())


def test_triplet_by_a_double_loop():
    e = normalize(embeddings())
    kept = [0, 1, 2, 4, 6, 7, 8]
    losses = []
    for item in kept:
        apart = {i: (e[item] - e[i]).square().sum() for i in kept if i != item}
        same = [apart[i] for i in apart if SPEAKERS[i] == SPEAKERS[item]]
        other = [apart[i] for i in apart if SPEAKERS[i] != SPEAKERS[item]]
        losses.append((max(same) - min(other) + 0.3).clamp_min(0))
    torch.testing.assert_close(build("triplet")(embeddings(), SPEAKERS), torch.stack(losses).mean())


def test_centre_loss():
    loss_of = build("centre")
    loss_of.centres.data[4] = 1.0
    e = embeddings()
    expected = 0.5 * ((e[0] - 1).square().sum() + e[1].square().sum()) / 2
    torch.testing.assert_close(loss_of(e[[0, 1, 3]], SPEAKERS[[0, 1, 3]]), expected)
    assert loss_of(e, torch.full((9,), -1)).item() == 0
