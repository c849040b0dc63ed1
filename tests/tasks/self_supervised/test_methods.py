"""What each method remembers from step to step, and by what it learns."""

import math

import pytest
import torch
from torch.nn.functional import normalize

from wesep_like.data.crops import CropBatch, Crops
from wesep_like.errors import ConfigError
from wesep_like.losses.self_supervised import distillation, nt_xent
from wesep_like.tasks import gathered
from wesep_like.tasks.self_supervised import METHODS

DIM = 6
BATCH = 3


def made(name, **options):
    torch.manual_seed(1)
    return METHODS.build({"name": name, **options}, "method", embed_dim=DIM)


def crops_of(*counts):
    """A batch, of which an encoder knows the embeddings: those of each crop are its speech."""
    torch.manual_seed(2)
    return CropBatch(list("abc"), tuple(Crops(torch.randn(n, BATCH, DIM)) for n in counts))


def hear(crops):
    """An encoder that answers with what it hears."""
    return torch.cat([of.speech for of in crops])


def twice(crops):
    return 2 * hear(crops) + 1


def test_simclr_compares_both_crops():
    method, batch = made("simclr", temperature=0.3, head=None), crops_of(1, 1)
    (terms,) = [method.losses(batch, hear, twice, 0)]
    assert terms.keys() == {"loss"}
    torch.testing.assert_close(terms["loss"], nt_xent(hear(batch.lengths), 0.3))
    with_head = made("simclr", head={"hidden_dim": 8, "out_dim": 4})
    assert [tuple(p.shape) for p in with_head.parameters()] == [(8, 6), (8,), (4, 8), (4,)]


def test_simclr_finds_its_own_among_those_of_all_processes(monkeypatch):
    # As the second of two processes.
    method, batch, first = made("simclr", head=None), crops_of(2), torch.randn(2, BATCH, DIM)
    own = hear(batch.lengths)
    name = "wesep_like.tasks.self_supervised.simclr."
    monkeypatch.setattr(name + "gathered_tensors", lambda pairs: torch.stack([first, pairs]))
    monkeypatch.setattr(name + "are_several", lambda: True)
    monkeypatch.setattr(name + "distributed.get_rank", lambda: 1)
    wanted = nt_xent(own, 0.1, torch.cat([first, own], dim=1), BATCH)
    torch.testing.assert_close(method.losses(batch, hear, twice, 0)["loss"], wanted)


def test_moco_remembers_the_keys_of_steps_that_are_taken():
    method = made("moco", queue_size=8, head=None)
    before, batch = method.queue.clone(), crops_of(2)
    keys = normalize(twice([batch.single()[1]])[0], dim=-1)
    method.losses(batch, hear, twice, 0)
    method.after_step(is_taken=False)
    assert torch.equal(method.queue, before)
    for _ in range(2):  # two batches are one step
        method.losses(batch, hear, twice, 0)
    assert torch.equal(method.queue, before)
    method.after_step(is_taken=True)
    torch.testing.assert_close(method.queue, torch.cat([keys, keys, before[6:]]))
    assert method.place == 6
    method.losses(batch, hear, twice, 0)
    method.after_step(is_taken=True)
    # The oldest two, then the first of those from before.
    wanted = torch.stack([keys[2], keys[1], keys[2], keys[0], keys[1], keys[2], keys[0], keys[1]])
    torch.testing.assert_close(method.queue, wanted)
    assert method.place == 1


def test_moco_with_a_queue_shorter_than_a_batch_keeps_the_last():
    method, batch = made("moco", queue_size=2, head=None), crops_of(1, 1)
    method.losses(batch, hear, twice, 0)
    method.after_step(is_taken=True)
    keys = normalize(twice([batch.lengths[1]])[0], dim=-1)
    torch.testing.assert_close(method.queue, keys[1:])


def test_moco_tells_its_key_from_the_queue():
    method, batch = made("moco", queue_size=5, temperature=0.2, head=None), crops_of(2)
    first, second = batch.single()
    query, key = normalize(hear([first])[0], dim=-1), normalize(twice([second])[0], dim=-1)
    logits = torch.cat([(query * key).sum(-1, keepdim=True), query @ method.queue.T], 1) / 0.2
    wanted = -logits.log_softmax(-1)[:, 0].mean()
    torch.testing.assert_close(method.losses(batch, hear, twice, 0)["loss"], wanted)


def dino(**options):
    sizes = {"out_dim": 7, "hidden_dim": 8, "bottleneck_dim": 4}
    return made("dino", **sizes, **options)


def test_dino_centres_and_sharpens_what_the_teacher_says():
    method, batch = dino(student_temperature=0.2, teacher_temperature=0.05), crops_of(2, 3)
    method.centre.copy_(torch.randn(7))
    terms = method.losses(batch, hear, twice, 0)
    said = [method.head(crop) / 0.2 for crop in hear(batch.lengths)]
    wanted = [
        ((method.teacher_head(crop) - method.centre) / 0.05).softmax(-1)
        for crop in twice(batch.lengths[:1])
    ]
    torch.testing.assert_close(terms["loss"], distillation(torch.stack(said), torch.stack(wanted)))
    rows = torch.cat(wanted)
    entropies = [-(row * row.log()).sum().item() for row in (*rows, rows.mean(0))]
    assert terms["teacher_entropy"].item() == pytest.approx(sum(entropies[:-1]) / 6, rel=1e-4)
    assert terms["mean_entropy"].item() == pytest.approx(entropies[-1], rel=1e-4)
    assert entropies[-1] < math.log(7)


def test_dinos_centre_follows_the_teacher_over_the_batches_of_a_step():
    method, batch = dino(centre_momentum=0.8), crops_of(2)
    for encoder in (twice, hear):
        method.losses(batch, hear, encoder, 0)
    assert not method.centre.any()
    means = [method.teacher_head(of(batch.lengths).flatten(0, 1)).mean(0) for of in (twice, hear)]
    method.after_step(is_taken=True)
    torch.testing.assert_close(method.centre, 0.2 * sum(means) / 2)
    before = method.centre.clone()
    method.losses(batch, hear, twice, 0)
    method.after_step(is_taken=False)
    assert torch.equal(method.centre, before)


def test_dinos_schedules():
    method = dino(teacher_momentum=0.9, teacher_warmup_steps=10, teacher_temperature=0.08)
    assert method.teacher_temperature(0) == 0.04
    assert method.teacher_temperature(5) == pytest.approx(0.06)
    assert method.teacher_temperature(10) == method.teacher_temperature(99) == 0.08
    momenta = [method.momentum(step, 100) for step in (0, 50, 100, 120)]
    assert momenta == pytest.approx([0.9, 0.95, 1.0, 1.0])


def test_dinos_prototypes_do_not_learn_at_first():
    method, batch = dino(frozen_steps=2), crops_of(2)
    for step in range(3):
        method.zero_grad()
        method.losses(batch, hear, twice, step)["loss"].backward()
        method.before_step(step)
        assert (method.head.prototypes.grad is None) == (step < 2)
        assert method.head.layers[0].weight.grad is not None
    assert all(weight.grad is None for weight in method.teacher_head.parameters())


def test_a_teachers_head_is_a_copy():
    for method in (dino(), made("moco", queue_size=4)):
        pairs = zip(method.head.parameters(), method.teacher_head.parameters(), strict=True)
        for own, copy in pairs:
            assert torch.equal(own, copy)
            assert own is not copy
            assert (own.requires_grad, copy.requires_grad) == (True, False)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"name": "simclr", "temperature": 0}, "temperature: expected more than 0, got 0.0"),
        ({"name": "simclr", "head": {"out_dim": 0}}, "head.out_dim: expected at least 1, got 0"),
        ({"name": "moco", "queue_size": 0}, "queue_size: expected at least 1, got 0"),
        ({"name": "moco", "momentum": 1.2}, "momentum: expected 0 to 1, got 1.2"),
        ({"name": "dino", "out_dim": 0}, "out_dim: expected at least 1, got 0"),
        ({"name": "dino", "frozen_steps": -1}, "frozen_steps: expected at least 0, got -1"),
        (
            {"name": "dino", "student_temperature": -0.1},
            "student_temperature: expected more than 0, got -0.1",
        ),
    ],
)
def test_wrong_options(section, message):
    with pytest.raises(ConfigError) as caught:
        METHODS.build(section, "method", embed_dim=DIM)
    assert caught.value.problems == (f"method.{message}",)


def test_a_process_alone_gathers_itself():
    own = torch.randn(2, 3)
    assert torch.equal(gathered.gathered_tensors(own), own[None])
