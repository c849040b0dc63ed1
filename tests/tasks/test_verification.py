"""What a plain encoder learns from, and how it is validated."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from wesep_like.audio.feature_masks import FeatureMasks
from wesep_like.data.speech import SpeechBatch
from wesep_like.losses import SPEAKER_LOSSES
from wesep_like.metrics.detection import eer
from wesep_like.models.build import build_speaker
from wesep_like.tasks.encoder import LabelledTrials, score
from wesep_like.tasks.margin_schedule import MarginSchedule
from wesep_like.tasks.verification import VerificationTask, WeightedSpeakerLoss
from wesep_like.training.optimizers import OptimizerOptions, ScheduleOptions

RATE = 8000
TRIALS = LabelledTrials(list("aab"), list("bcc"), np.array([True, False, False]))


def make_task(*sections, step=0, **options):
    """A task whose trainer is at a step that is written down."""
    torch.manual_seed(1)
    section = {"speaker": {"name": "ecapa_tdnn", "channels": 16, "embed_dim": 8}}
    losses = []
    for section_of_loss in sections or [{"name": "aam_softmax"}]:
        loss = SPEAKER_LOSSES.build(section_of_loss, "", embed_dim=8, num_speakers=3)
        losses.append(WeightedSpeakerLoss(section_of_loss["name"], loss, 0.5))

    def make_optimizer(groups):
        optimizer = OptimizerOptions(learning_rate=1e-2).build(groups)
        return optimizer, ScheduleOptions().build(optimizer, 10)

    task = VerificationTask(
        build_speaker(section, RATE),
        losses,
        make_optimizer,
        classes=["x", "y", "z"],
        trials=TRIALS,
        **options,
    )
    task._trainer = SimpleNamespace(global_step=step, log_every_n_steps=1, world_size=1)
    task.logged = {}
    task.log = lambda name, value, **_: task.logged.update({name: float(value)})
    return task


@pytest.fixture
def batch():
    torch.manual_seed(2)
    speech = 0.1 * torch.randn(6, RATE)
    lengths, speakers = torch.full((6,), RATE), torch.tensor([0, 0, 1, 1, 2, -1])
    return SpeechBatch(list("abcdef"), speech, lengths, speakers)


def test_the_loss_is_the_weighted_sum_of_its_terms(batch):
    task = make_task({"name": "aam_softmax"}, {"name": "centre"}, {"name": "triplet"}).eval()
    terms = task.training_losses(batch)
    embedding = task.model(batch.speech).embedding
    for weighted in task.losses:
        wanted = weighted.loss(embedding, batch.speakers)
        torch.testing.assert_close(terms[weighted.name], wanted)
    total = 0.5 * (terms["aam_softmax"] + terms["centre"] + terms["triplet"])
    torch.testing.assert_close(terms["loss"], total)


def test_accuracy_is_of_what_is_known_and_without_a_margin(batch):
    task = make_task({"name": "centre"}, {"name": "aam_softmax", "margin": 0.5}).eval()
    head = task.losses[1].loss
    embedding = task.model(batch.speech).embedding.detach()
    head.weight.data = embedding[[0, 2, 4]]  # the first of each speaker is found for certain
    found = head.cosines(embedding).argmax(-1)[:5]
    share = (found == batch.speakers[:5]).float().mean()
    assert share >= 0.6
    torch.testing.assert_close(task.training_losses(batch)["accuracy"], share)
    without_a_head = make_task({"name": "triplet"}).training_losses(batch)
    assert set(without_a_head) == {"triplet", "loss"}


def test_masks_hide_features(batch):
    task = make_task().eval()
    plain = task.training_losses(batch)["loss"]
    spans = torch.tensor([[[0.2, 0.7]]]).expand(6, 1, 2)
    masks = FeatureMasks(spans, torch.zeros(6, 0, 2))
    masked = SpeechBatch(batch.ids, batch.speech, batch.num_samples, batch.speakers, masks)
    assert task.training_losses(masked)["loss"] != plain


@pytest.mark.parametrize(("step", "share"), [(4, 0.0), (15, 1 - 0.001**0.5), (20, 1.0), (99, 1.0)])
def test_the_margin_is_what_the_schedule_says_of_the_step(batch, step, share):
    # At any step, so also right after a resume.
    task = make_task(step=step, margin_schedule=MarginSchedule(10, 20))
    loss = task.training_step(batch, 0)
    head = task.losses[0].loss
    assert head.margin_share == task.logged["train/margin_share"] == pytest.approx(share)
    assert loss.item() == task.logged["train/loss"]


def test_parts_may_learn_at_other_rates():
    task = make_task(learning_rates={"head": 0.5})
    optimizer = task.configure_optimizers()["optimizer"]
    assert [group["initial_lr"] for group in optimizer.param_groups] == [0.01, 0.5]
    assert [p.shape for p in optimizer.param_groups[1]["params"]] == [(3, 8)]


@torch.no_grad()
def validate(task, batch):
    for row in range(len(batch.ids)):
        one = slice(row, row + 1)
        task.validation_step(
            SpeechBatch(batch.ids[one], batch.speech[one], batch.num_samples[one],
                        batch.speakers[one]),
            row,
        )  # fmt: skip
    task.on_validation_epoch_end()


def test_validation_is_the_error_rate_of_cosines(batch):
    task = make_task().eval()
    validate(task, batch)
    embedding = task.model(batch.speech).embedding.detach().numpy()
    unit = embedding / np.linalg.norm(embedding, axis=-1, keepdims=True)
    scores = [unit[0] @ unit[1], unit[0] @ unit[2], unit[1] @ unit[2]]
    assert task.logged["valid/eer"] == pytest.approx(eer(scores, TRIALS.is_target).rate)
    assert "valid/min_dcf" in task.logged
    again = dict(task.logged)
    validate(task, batch)
    assert task.logged == again


def test_an_encoder_that_is_no_number_any_more_has_no_error_rate(batch):
    task = make_task().eval()
    for parameter in task.model.parameters():
        parameter.data.fill_(torch.nan)
    validate(task, batch)
    assert np.isnan(task.logged["valid/eer"])


def test_trials_of_what_was_not_heard_are_left_out():
    embeddings = {"a": np.array([3.0, 0.0]), "c": np.array([1.0, 1.0])}
    scores, is_target = score(TRIALS, embeddings)
    assert scores == pytest.approx([2**-0.5])
    assert is_target.tolist() == [False]
    assert score(TRIALS, {})[0].shape == (0,)
