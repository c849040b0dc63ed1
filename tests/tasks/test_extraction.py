"""What a step learns from, what validation measures, and silent faults that cannot happen."""

import copy
import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from wesep_like.data.dataset import FixedMixtures
from wesep_like.data.reading import read_ingredients
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.render import render
from wesep_like.data.store import AudioStore
from wesep_like.errors import ConfigError
from wesep_like.inference.extractor import Extractor
from wesep_like.losses import AbsentTargetLoss, NegSISDRLoss
from wesep_like.losses.speakers import Softmax
from wesep_like.metrics.attenuation import attenuation
from wesep_like.metrics.sdr import si_sdr
from wesep_like.models.build import build_tse
from wesep_like.tasks.cue_cache import CueCache
from wesep_like.tasks.extraction import ExtractionTask
from wesep_like.tasks.metric_gan import MetricGAN, MetricGANOptions
from wesep_like.tasks.self_enrollment import SelfEnrollmentOptions
from wesep_like.tasks.waveform_terms import Weighted
from wesep_like.training.optimizers import OptimizerOptions, ScheduleOptions

RATE = 8000
SECTION = {
    "separator": {"name": "bsrnn", "channels": 8, "num_blocks": 1},
    "speaker": {"name": "ecapa_tdnn", "channels": 16, "embed_dim": 8},
    "fusion": {"name": "film"},
}


@pytest.fixture
def model():
    torch.manual_seed(1)
    return build_tse(SECTION, RATE)


def make_task(model, **options):
    def make_optimizer(parameters):
        optimizer = OptimizerOptions(learning_rate=1e-2).build(parameters)
        return optimizer, ScheduleOptions().build(optimizer, 10)

    losses = [Weighted("neg_si_sdr", NegSISDRLoss(), 1.0)]
    return ExtractionTask(model, losses, make_optimizer, **options)


def read_batch(plans, speakers=None):
    store = AudioStore(RATE)
    speakers = speakers or [-1] * len(plans)
    pairs = zip(plans, speakers, strict=True)
    return render(collate([read_ingredients(plan, store, speaker=s) for plan, s in pairs]))


def loss_of(estimates, batch):
    """The mean of what each example's loss is by itself, without padding."""
    rows = zip(estimates, batch.target, batch.mixture_samples, strict=True)
    return torch.cat([NegSISDRLoss()(e[None, :n], t[None, :n]) for e, t, n in rows]).mean()


def take_steps(task, batch, count=3):
    """What the trainer does, without a trainer."""
    task.train()
    optimizer = task.configure_optimizers()["optimizer"]
    for _ in range(count):
        optimizer.zero_grad()
        task.training_losses(batch)["loss"].backward()
        optimizer.step()
    return optimizer


def moved(before, module):
    return {k for k, value in module.state_dict().items() if not torch.equal(before[k], value)}


def test_frozen_means_that_nothing_moves_not_even_statistics(model, plans):
    model.freeze(["speaker"])
    task = make_task(model)
    before = copy.deepcopy(model.speaker.state_dict())
    separator = copy.deepcopy(model.separator.state_dict())
    optimizer = take_steps(task, read_batch(plans), count=10)
    assert not moved(before, model.speaker)  # its state is every parameter and buffer
    assert moved(separator, model.separator)
    ours = {id(p) for p in model.speaker.parameters()}
    assert not any(id(p) in ours for group in optimizer.param_groups for p in group["params"])


def test_joint_means_that_weights_and_statistics_move(model, plans):
    task = make_task(model)
    before = copy.deepcopy(model.speaker.state_dict())
    take_steps(task, read_batch(plans))
    changed = moved(before, model.speaker)
    assert any("running_mean" in key for key in changed)
    assert any(key.endswith("conv.weight") or "linear" in key for key in changed)


def test_the_speaker_loss_is_added_with_its_weight_and_teaches_its_head(model, plans):
    batch = read_batch(plans, speakers=[0, 1, 2])
    head = Softmax(8, 3)
    task = make_task(model, speaker_head=head, speaker_weight=0.5).eval()
    terms = task.training_losses(batch)
    torch.testing.assert_close(terms["loss"], terms["neg_si_sdr"] + 0.5 * terms["speaker"])
    before = copy.deepcopy(head.state_dict())
    take_steps(task, batch)
    assert moved(before, head)


def test_a_loss_may_look_at_another_estimate(plans):
    section = {
        "separator": {"name": "spex_plus", "num_filters": 8, "bottleneck_dim": 4, "hidden_dim": 6,
                      "num_layers": 2, "num_repeats": 2},
        "speaker": {"name": "twin_encoder", "channels": 4, "embed_dim": 8},
        "fusion": {"name": "add"},
    }  # fmt: skip
    model = build_tse(section, RATE)
    weights = (0.8, 0.1, 0.1)
    task = make_task(model).eval()
    task.losses = [
        Weighted(f"scale_{number}", NegSISDRLoss(), weight, number)
        for number, weight in enumerate(weights)
    ]
    batch = read_batch(plans)
    terms = task.training_losses(batch)
    estimates = model(batch.mixture, batch.enrollment, batch.enrollment_samples).estimates
    for number in range(3):
        expected = loss_of(estimates[:, number], batch)
        torch.testing.assert_close(terms[f"scale_{number}"], expected, atol=1e-3, rtol=1e-4)
    total = sum(w * terms[f"scale_{number}"] for number, w in enumerate(weights))
    torch.testing.assert_close(terms["loss"], total)


def test_a_discriminator_learns_beside_the_model(model, plans, monkeypatch):
    options = MetricGANOptions(weight=0.5, learning_rate=1e-4)
    task = make_task(model, metric_gan=MetricGAN(options, RATE))
    monkeypatch.setattr(task.metric_gan, "_quality", lambda signals, _: torch.rand(len(signals)))
    batch = read_batch(plans)
    terms = task.eval().training_losses(batch)
    total = terms["neg_si_sdr"] + 0.5 * terms["metric_gan"] + terms["discriminator"]
    torch.testing.assert_close(terms["loss"], total)
    before = copy.deepcopy(task.state_dict())
    optimizer = take_steps(task, batch, count=1)
    ours, judges = optimizer.param_groups
    assert (ours["lr"], judges["lr"]) == (1e-2, 1e-4)
    changed = moved(before, task)
    assert any(key.startswith("model.") for key in changed)
    assert any(key.startswith("metric_gan.") for key in changed)
    # Large gradients of the one do not shrink those of the other.
    for parameter in judges["params"]:
        parameter.grad *= 1e6
    theirs = [p.grad.clone() for p in ours["params"]]
    norm = torch.stack([grad.norm() for grad in theirs]).norm().item()
    task.configure_gradient_clipping(optimizer, norm / 2, "norm")
    for parameter, grad in zip(ours["params"], theirs, strict=True):
        torch.testing.assert_close(parameter.grad, grad / 2, atol=1e-5, rtol=1e-3)


def test_parts_may_learn_at_rates_of_their_own_and_are_clipped_together(model, plans):
    task = make_task(model, learning_rates={"speaker": 1e-5})
    before = copy.deepcopy(model.state_dict())
    optimizer = take_steps(task, read_batch(plans), count=1)
    rest, speaker = optimizer.param_groups
    assert (rest["lr"], speaker["lr"]) == (1e-2, 1e-5)
    assert {id(p) for p in speaker["params"]} == {id(p) for p in model.speaker.parameters()}
    assert len(rest["params"]) + len(speaker["params"]) == len(list(task.parameters()))
    # Adam's first step is as long as its rate.
    for name, parameter in model.named_parameters():
        step = (parameter - before[name]).abs().max().item()
        assert step <= (1.01e-5 if name.startswith("speaker.") else 1.01e-2), name
    norm = torch.stack([p.grad.norm() for p in task.parameters()]).norm().item()
    theirs = [p.grad.clone() for p in task.parameters()]
    task.configure_gradient_clipping(optimizer, norm / 2, "norm")
    for parameter, grad in zip(task.parameters(), theirs, strict=True):
        torch.testing.assert_close(parameter.grad, grad / 2, atol=1e-5, rtol=1e-3)


@pytest.fixture
def heard(model, monkeypatch):
    """What the speaker module hears."""
    signals = []
    forward = model.speaker.forward
    monkeypatch.setattr(model.speaker, "forward", lambda x: (signals.append(x), forward(x))[1])
    return signals


@pytest.mark.parametrize("is_frozen", [True, False])
def test_a_second_pass_is_steered_by_the_first_estimate(model, plans, heard, is_frozen):
    if is_frozen:
        model.freeze(["speaker"])
    task = make_task(model, self_enrollment=SelfEnrollmentOptions(second_weight=0.6)).eval()
    batch = read_batch(plans)
    terms = task.training_losses(batch)
    first = model(batch.mixture, batch.enrollment, batch.enrollment_samples).estimates[:, 0]
    second = model(batch.mixture, first.detach(), batch.mixture_samples).estimates[:, 0]
    expected = [loss_of(estimate, batch) for estimate in (first, second)]
    torch.testing.assert_close(terms["neg_si_sdr"], expected[0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(terms["second_neg_si_sdr"], expected[1], atol=1e-4, rtol=1e-4)
    total = 0.4 * expected[0] + 0.6 * expected[1]
    torch.testing.assert_close(terms["loss"], total, atol=1e-4, rtol=1e-4)
    assert not any(signal.requires_grad for signal in heard)
    terms["loss"].backward()
    assert all((p.grad is None) == is_frozen for p in model.speaker.parameters())


def test_some_steps_are_steered_by_an_estimate_alone(model, plans, heard):
    task = make_task(model, self_enrollment=SelfEnrollmentOptions(replace_probability=0.5)).eval()
    batch = read_batch(plans)
    plain = model(batch.mixture, batch.enrollment, batch.enrollment_samples).estimates[:, 0]
    again = model(batch.mixture, plain, batch.mixture_samples).estimates[:, 0]
    seen = set()
    for number in range(20):
        renamed = dataclasses.replace(batch, ids=[str(number), "a", "b"])
        loss = task.training_losses(renamed)["loss"]
        is_own = SelfEnrollmentOptions(replace_probability=0.5).replaces(renamed.ids)
        expected = loss_of(again if is_own else plain, batch)
        torch.testing.assert_close(loss, expected, atol=1e-4, rtol=1e-4)
        seen.add(is_own)
    assert seen == {True, False}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "replace_probability, second_weight: expected one of them above 0"),
        ({"replace_probability": 0.5, "second_weight": 0.5}, "expected one of them above 0"),
        ({"second_weight": 1.5}, "second_weight: expected at most 1, got 1.5"),
    ],
)
def test_self_enrollment_that_cannot_be(options, message):
    with pytest.raises(ConfigError, match=message):
        SelfEnrollmentOptions(**options)


@pytest.fixture
def some_absent(plans):
    """The second of three mixtures is without its target."""
    return [plans[0], dataclasses.replace(plans[1], has_target=False), plans[2]]


def test_an_absent_target_is_learnt_as_silence(model, some_absent):
    absent_loss = AbsentTargetLoss(eta=0.5, tau=1e-2)
    task = make_task(model, absent_loss=absent_loss).eval()
    batch = read_batch(some_absent)
    terms = task.training_losses(batch)
    estimates = model(batch.mixture, batch.enrollment, batch.enrollment_samples).estimates[:, 0]
    length = some_absent[1].num_samples
    expected = absent_loss(estimates[1:2, :length], batch.mixture[1:2, :length])[0]
    torch.testing.assert_close(terms["absent"], expected)
    present = [read_batch([plan]) for plan in (some_absent[0], some_absent[2])]
    values = [task.training_losses(one)["neg_si_sdr"] for one in present]
    # What a model makes of a mixture depends a little on its padding; the loss does not.
    torch.testing.assert_close(terms["neg_si_sdr"], sum(values) / 2, atol=0.5, rtol=0)
    total = (2 * terms["neg_si_sdr"] + terms["absent"]) / 3
    torch.testing.assert_close(terms["loss"], total)
    terms["loss"].backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_a_batch_without_any_target(model, some_absent):
    task = make_task(model).eval()
    terms = task.training_losses(read_batch(some_absent[1:2]))
    assert set(terms) == {"absent", "loss"}
    torch.testing.assert_close(terms["absent"], terms["loss"])


def test_a_term_that_no_example_has_is_told_as_none(model, plans, some_absent, monkeypatch):
    task, told = make_task(model), {}
    monkeypatch.setattr(task, "_trainer", SimpleNamespace(world_size=1))
    monkeypatch.setattr(task, "log", lambda name, value, **_: told.update({name: float(value)}))
    task.training_step(read_batch(some_absent), 0)
    assert all(math.isfinite(value) for value in told.values())
    task.training_step(read_batch(plans), 1)
    assert math.isnan(told["train/absent"])
    assert math.isfinite(told["train/neg_si_sdr"])


def test_the_loss_of_a_batch_does_not_hear_its_padding(model, plans):
    task = make_task(model).eval()
    batch = read_batch(plans)
    before = task._terms(model.separator.num_estimates * batch.mixture[:, None], None, batch)
    noisy = torch.where(batch.is_inside, batch.mixture, 0.3)[:, None]
    torch.testing.assert_close(task._terms(noisy, None, batch), before)


def test_the_speaker_of_an_absent_target_is_still_the_enrolled_one(model, some_absent):
    head = Softmax(8, 3)
    task = make_task(model, speaker_head=head, speaker_weight=0.5).eval()
    batch = read_batch(some_absent, speakers=[0, 1, 2])
    cue = model.cue(batch.enrollment, batch.enrollment_samples)
    expected = head(cue.embedding, torch.tensor([0, 1, 2]))
    torch.testing.assert_close(task.training_losses(batch)["speaker"], expected)


@pytest.mark.parametrize("option", ["second_weight", "replace_probability"])
def test_no_estimate_of_another_voice_enrolls_an_absent_speaker(model, some_absent, heard, option):
    task = make_task(model, self_enrollment=SelfEnrollmentOptions(**{option: 1.0})).eval()
    batch = read_batch(some_absent)
    task.training_losses(batch)
    # Each once for itself, since lengths differ; the enrollment of the absent speaker again.
    lengths = sorted(signal.shape[-1] for signal in heard)
    enrollments = batch.enrollment_samples.tolist()
    mixtures = batch.mixture_samples.tolist()
    assert lengths == sorted([*enrollments, mixtures[0], enrollments[1], mixtures[2]])


def test_the_discriminator_leaves_absent_targets_out(model, some_absent, monkeypatch):
    task = make_task(model, metric_gan=MetricGAN(MetricGANOptions(), RATE)).eval()

    def losses(plans):
        batch = read_batch(plans)
        monkeypatch.setattr(
            task.metric_gan,
            "_quality",
            lambda signals, target: torch.where(target.any(-1), 0.5, torch.nan),
        )
        terms = task.training_losses(batch)
        return terms["metric_gan"], terms["discriminator"]

    alike = [dataclasses.replace(plan, num_samples=4000) for plan in some_absent]
    torch.testing.assert_close(losses(alike), losses([alike[0], alike[2]]))
    nothing = losses(alike[1:2])
    assert [value.item() for value in nothing] == [0, 0]


def test_validation_of_absent_targets_is_by_attenuation(model, some_absent, monkeypatch):
    task = make_task(model).eval()
    with torch.no_grad():
        for plan in some_absent:
            shown = task.validation_step(read_batch([plan]), 0)["shown"]
            assert set(shown[0].signals) == {"mixture", "estimate", "target"}
    names = [set(row) for row in task._valid_rows.values()]
    ratios = {"si_sdr", "si_sdri", "failure_rate"}
    assert names == [ratios, {"attenuation_db"}, ratios]
    batch = read_batch(some_absent[1:2])
    cue = model.cue(batch.enrollment, batch.enrollment_samples)
    expected = attenuation(model.extract(batch.mixture, cue), batch.mixture).item()
    rows = list(task._valid_rows.values())
    assert rows[1]["attenuation_db"] == pytest.approx(expected, abs=1e-3)
    logged = {}
    monkeypatch.setattr(task, "log", lambda name, value, **_: logged.update({name: value}))
    task.on_validation_epoch_end()
    assert logged["valid/attenuation_db"] == pytest.approx(expected, abs=1e-3)
    assert logged["valid/si_sdri"] == pytest.approx((rows[0]["si_sdri"] + rows[2]["si_sdri"]) / 2)


def test_a_kept_cue_is_the_cue_whatever_batch_it_first_came_in(model, plans):
    model.freeze(["speaker"])
    cache = CueCache()
    together = cache.cue(model, read_batch(plans)).embedding
    again = cache.cue(model, read_batch(plans[::-1])).embedding
    alone = CueCache().cue(model, read_batch(plans[:1])).embedding
    assert torch.equal(together, again.flip(0))
    assert torch.equal(together[:1], alone)
    batch = read_batch(plans[:1])
    expected = model.cue(batch.enrollment, batch.enrollment_samples).embedding
    torch.testing.assert_close(alone, expected)


def test_a_frozen_module_hears_each_recurring_enrollment_once(model, plans, monkeypatch):
    model.freeze(["speaker"])
    heard = []
    forward = model.speaker.forward
    monkeypatch.setattr(model.speaker, "forward", lambda x: (heard.append(x.shape), forward(x))[1])
    task = make_task(model, enrollments_recur=True)
    take_steps(task, read_batch(plans), count=3)
    assert len(heard) == len(plans)


def test_random_crops_are_not_kept(model, plans):
    model.freeze(["speaker"])
    task = make_task(model)
    take_steps(task, read_batch(plans), count=1)
    assert not task._cues._cues


def test_validation_measures_what_extract_gives(model, plans):
    # Features at inference that differ from those in training are one of WeSep's silent faults.
    task = make_task(model).eval()
    dataset = FixedMixtures(plans, AudioStore(RATE))
    with torch.no_grad():
        shown = task.validation_step(render(collate([dataset[0]])), 0)["shown"][0]
    mixture, target = shown.signals["mixture"], shown.signals["target"]
    enrollment = torch.from_numpy(dataset[0].enrollment.samples)
    estimate = Extractor(model, "cpu").extract(mixture, enrollment, RATE)
    row = task._valid_rows[plans[0].id]
    assert row["si_sdr"] == pytest.approx(si_sdr(estimate, target).item(), abs=1e-3)
    improvement = si_sdr(estimate, target) - si_sdr(mixture, target)
    assert row["si_sdri"] == pytest.approx(improvement.item(), abs=1e-3)
    assert row["failure_rate"] == float(row["si_sdri"] < 1)


def test_padding_of_a_validation_batch_is_not_measured(model, plans):
    task = make_task(model).eval()
    with torch.no_grad():
        task.validation_step(read_batch(plans), 0)
        together = list(task._valid_rows.values())
        task._valid_rows.clear()
        for plan in plans:
            task.validation_step(read_batch([plan]), 0)
    assert len({plan.num_samples for plan in plans}) > 1
    for one, alone in zip(together, task._valid_rows.values(), strict=True):
        assert one == pytest.approx(alone, abs=1e-3)


# Small, and still able to learn two mixtures by heart.
SMALL = {
    "bsrnn": {"channels": 24, "hidden_dim": 32, "num_blocks": 3, "hop_ms": 16.0},
    "conv_tasnet": {"num_filters": 128, "filter_ms": 2.5, "bottleneck_dim": 48, "hidden_dim": 96,
                    "num_layers": 6, "num_repeats": 2},
    "sepformer": {"num_filters": 128, "filter_ms": 4.0, "channels": 48, "hidden_dim": 96,
                  "num_blocks": 2, "num_layers": 1, "num_heads": 4, "chunk_frames": 50},
    "spex_plus": {"num_filters": 64, "bottleneck_dim": 48, "hidden_dim": 96, "num_layers": 6,
                  "num_repeats": 2},
    "dpccn": {"channels": 8, "tcn_dim": 48, "num_tcns": 1, "num_tcn_layers": 6, "hop_ms": 16.0},
    "tfgridnet": {"channels": 16, "hidden_dim": 24, "num_blocks": 2, "num_heads": 2,
                  "query_dim": 128, "kernel_hop": 4, "window_ms": 32.0, "hop_ms": 16.0},
}  # fmt: skip
BY_EMBEDDING = {
    "speaker": {"name": "ecapa_tdnn", "channels": 32, "embed_dim": 16},
    "fusion": {"name": "film"},
}
BY_LEVELS = {
    "speaker": {"name": "sef"},
    "fusion": {"name": "dual_path_attention"},
    "fuse_before": "every",
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:skipped")  # two files of the corpus are cut short
@pytest.mark.parametrize(
    ("separator", "told"),
    [*((separator, BY_EMBEDDING) for separator in SMALL), ("sepformer", BY_LEVELS)],
    ids=[*SMALL, "sepformer-sef"],
)
def test_a_tiny_model_overfits_two_real_mixtures(shared, tmp_path, separator, told):
    from wesep_like.data.corpora import prepare
    from wesep_like.data.simulation.plans import read_plans

    prepare("mini", shared / "corpus", tmp_path / "mini")
    two = read_plans(tmp_path / "mini/dev/mixtures.jsonl")[:2]
    store = AudioStore(16000)
    clips = [read_ingredients(plan, store) for plan in two]
    batch = render(collate(clips))
    torch.manual_seed(0)
    section = {"separator": {"name": separator, **SMALL[separator]}, **told}
    model = build_tse(section, 16000)
    task = make_task(model).train()
    optimizer = torch.optim.Adam(task.parameters(), 3e-3)
    improvements = []
    for step in range(800):
        optimizer.zero_grad()
        task.training_losses(batch)["loss"].backward()
        torch.nn.utils.clip_grad_norm_(task.parameters(), 5.0)
        optimizer.step()
        if step % 10 != 9:
            continue
        with torch.no_grad():
            task.eval()
            task.validation_step(batch, 0)
            task.train()
        improvements = [row["si_sdri"] for row in task._valid_rows.values()]
        task._valid_rows.clear()
        if min(improvements) > 15:
            break
    assert np.mean(improvements) > 15
