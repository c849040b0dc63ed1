"""Masks on the features of enrollments reach the speaker module, in training only."""

import dataclasses

import pytest
import torch

from wesep_like.audio.feature_masks import FeatureMasks
from wesep_like.data.reading import read_ingredients
from wesep_like.data.simulation.augmentation.plans import EffectsPlan, MaskPlan, MasksPlan
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.render import render
from wesep_like.data.store import AudioStore
from wesep_like.losses import NegSISDRLoss
from wesep_like.models.build import build_tse
from wesep_like.tasks.cue_cache import CueCache
from wesep_like.tasks.extraction import ExtractionTask
from wesep_like.tasks.waveform_terms import Weighted

RATE = 8000
SECTION = {
    "separator": {"name": "bsrnn", "channels": 8, "num_blocks": 1},
    "speaker": {"name": "ecapa_tdnn", "channels": 16, "embed_dim": 8},
    "fusion": {"name": "film"},
}
MASKS = (
    MasksPlan(time=(MaskPlan(0.0, 0.25),)),
    MasksPlan(frequency=(MaskPlan(0.5, 0.5),)),
    None,
)


def read_batch(plans, masks=MASKS):
    plans = [
        dataclasses.replace(p, enrollment=dataclasses.replace(p.enrollment, masks=m))
        for p, m in zip(plans, masks, strict=True)
    ]
    store = AudioStore(RATE)
    return render(collate([read_ingredients(plan, store) for plan in plans]))


def make_task(model, **options):
    return ExtractionTask(model, [Weighted("loss", NegSISDRLoss(), 1.0)], None, **options)


@pytest.fixture
def heard(monkeypatch):
    """What the encoder of a model gets; `heard(model)` -> a list that fills."""

    def listen(model):
        features = []
        encode = model.speaker.encode
        monkeypatch.setattr(model.speaker, "encode", lambda x: (features.append(x), encode(x))[1])
        return features

    return listen


def hidden(features):
    """Shares of frames and of bins that are zeros."""
    is_zero = features == 0
    return is_zero.all(0).float().mean().item(), is_zero.all(1).float().mean().item()


def test_a_module_that_learns_does_not_hear_what_is_masked(plans, heard):
    model = build_tse(SECTION, RATE)
    features = heard(model)
    task = make_task(model).train()
    task.training_losses(read_batch(plans))["loss"].backward()
    (batch,) = features
    for row, (of_frames, of_bins) in zip(batch, [(0.25, 0), (0, 0.5), (0, 0)], strict=True):
        frames, bins = hidden(row)
        assert frames == pytest.approx(of_frames, abs=0.02)
        assert bins == pytest.approx(of_bins, abs=0.02)


@pytest.mark.parametrize("recurs", [True, False])
def test_a_frozen_module_hears_each_enrollment_with_its_masks_each_time(plans, heard, recurs):
    model = build_tse(SECTION, RATE)
    model.freeze(["speaker"])
    features = heard(model)
    task = make_task(model, enrollments_recur=recurs).train()
    for _ in range(2):
        task.training_losses(read_batch(plans))
    # Of three lengths, the shortest first, each by itself.
    assert len(features) == 6
    for number, (of_frames, of_bins) in enumerate([(0.25, 0), (0, 0.5), (0, 0)] * 2):
        frames, bins = hidden(features[number][0])
        assert frames == pytest.approx(of_frames, abs=0.02)
        assert bins == pytest.approx(of_bins, abs=0.02)
    assert not task._cues._cues


@pytest.mark.parametrize("is_frozen", [True, False])
def test_validation_hears_all(plans, heard, is_frozen):
    model = build_tse(SECTION, RATE)
    if is_frozen:
        model.freeze(["speaker"])
    features = heard(model)
    task = make_task(model).eval()
    with torch.no_grad():
        task.validation_step(read_batch(plans), 0)
    assert features
    assert all(hidden(row) == (0, 0) for batch in features for row in batch)


def test_the_frames_of_a_tf_map_are_masked_in_the_enrollment_only(heard):
    section = {**SECTION, "fusion": None, "tf_map": "frames"}
    model = build_tse(section, RATE).eval()
    features = heard(model)
    # The map took the method as it was.
    model.tf_map._encode = model.speaker.encode
    masks = FeatureMasks(torch.tensor([[[0.0, 0.5]]]), torch.zeros(1, 0, 2))
    enrollment = 0.1 * torch.randn(1, 9000)
    cue = model.cue(enrollment, masks=masks)
    assert [hidden(f[0])[0] for f in features] == [pytest.approx(0.5, abs=0.01)] * 2
    plain = model.cue(enrollment)
    assert torch.equal(cue.magnitudes.values, plain.magnitudes.values)
    assert not torch.allclose(cue.keys.values, plain.keys.values, atol=1e-3)
    model.estimates(0.1 * torch.randn(1, 4000), cue)
    assert hidden(features[-1][0]) == (0, 0)


def test_a_kept_cue_is_of_the_augmented_enrollment(plans):
    model = build_tse(SECTION, RATE)
    model.freeze(["speaker"])
    cache = CueCache()
    effects = EffectsPlan(clipped_share=0.3)
    louder = [
        dataclasses.replace(p, enrollment=dataclasses.replace(p.enrollment, effects=effects))
        for p in plans
    ]
    one, other = read_batch(plans, [None] * 3), read_batch(louder, [None] * 3)
    assert one.enrollment_masks is None
    first = cache.cue(model, one).embedding
    assert not torch.allclose(cache.cue(model, other).embedding, first, atol=1e-4)
    assert torch.equal(cache.cue(model, one).embedding, first)
    assert len(cache._cues) == 6
