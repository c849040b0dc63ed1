"""What a step learns from, what validation measures, and silent faults that cannot happen."""

import copy

import numpy as np
import pytest
import torch

from wesep_like.data.dataset import FixedMixtures, read_ingredients
from wesep_like.data.simulation.render import collate, render
from wesep_like.data.store import AudioStore
from wesep_like.inference.extractor import Extractor
from wesep_like.losses import NegSISDRLoss, Softmax
from wesep_like.metrics.sdr import si_sdr
from wesep_like.models.tse import build_tse
from wesep_like.tasks.cue_cache import CueCache
from wesep_like.tasks.extraction import ExtractionTask, Weighted
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
    optimizer = take_steps(task, read_batch(plans))
    assert not moved(before, model.speaker)
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
    assert not task._cues._embeddings


def test_validation_measures_what_extract_gives(model, plans):
    # Features at inference that differ from those in training are one of WeSep's silent faults.
    task = make_task(model).eval()
    dataset = FixedMixtures(plans, AudioStore(RATE))
    with torch.no_grad():
        shown = task.validation_step(render(collate([dataset[0]])), 0)["shown"][0]
    mixture, target = shown.signals["mixture"], shown.signals["target"]
    enrollment = torch.from_numpy(dataset[0].enrollment)
    estimate = Extractor(model, "cpu").extract(mixture, enrollment, RATE)
    row = task._valid_rows[0]
    assert row["si_sdr"] == pytest.approx(si_sdr(estimate, target).item(), abs=1e-3)
    improvement = si_sdr(estimate, target) - si_sdr(mixture, target)
    assert row["si_sdri"] == pytest.approx(improvement.item(), abs=1e-3)
    assert row["failure_rate"] == float(row["si_sdri"] < 1)


def test_padding_of_a_validation_batch_is_not_measured(model, plans):
    task = make_task(model).eval()
    with torch.no_grad():
        task.validation_step(read_batch(plans), 0)
        together = list(task._valid_rows)
        task._valid_rows.clear()
        for plan in plans:
            task.validation_step(read_batch([plan]), 0)
    assert len({plan.num_samples for plan in plans}) > 1
    for one, alone in zip(together, task._valid_rows, strict=True):
        assert one == pytest.approx(alone, abs=1e-3)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:skipped")  # two files of the corpus are cut short
def test_a_tiny_model_overfits_two_real_mixtures(shared, tmp_path):
    from wesep_like.data.corpora import prepare
    from wesep_like.data.simulation.plans import read_plans

    prepare("mini", shared / "corpus", tmp_path / "mini")
    two = read_plans(tmp_path / "mini/dev/mixtures.jsonl")[:2]
    store = AudioStore(16000)
    clips = [read_ingredients(plan, store) for plan in two]
    batch = render(collate(clips))
    torch.manual_seed(0)
    section = {
        "separator": {"name": "bsrnn", "channels": 24, "hidden_dim": 32, "num_blocks": 3,
                      "hop_ms": 16.0},
        "speaker": {"name": "ecapa_tdnn", "channels": 32, "embed_dim": 16},
        "fusion": {"name": "film"},
    }  # fmt: skip
    model = build_tse(section, 16000)
    task = make_task(model).train()
    optimizer = torch.optim.Adam(task.parameters(), 3e-3)
    improvements = []
    for _ in range(800):
        optimizer.zero_grad()
        task.training_losses(batch)["loss"].backward()
        torch.nn.utils.clip_grad_norm_(task.parameters(), 5.0)
        optimizer.step()
        with torch.no_grad():
            task.eval()
            task.validation_step(batch, 0)
            task.train()
        improvements = [row["si_sdri"] for row in task._valid_rows]
        task._valid_rows.clear()
        if min(improvements) > 15:
            break
    assert np.mean(improvements) > 15
