"""Levels as LibriMix has them."""

import numpy as np
import pyloudnorm
import pytest
import torch

from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.options import LoudnessOptions
from wesep_like.data.simulation.plans import read_plans, write_plans
from wesep_like.data.simulation.render import render
from wesep_like.errors import ConfigError, ManifestError

ON = {
    "loudness": LoudnessOptions(),
    "noise_probability": 0.7,
    "room_probability": 0.5,
    "target_kind": "reverberant",
    "mixture_seconds": 1.5,
}
METER = pyloudnorm.Meter(8000)


def loudness(signal):
    return METER.integrated_loudness(signal.double().numpy())


def test_voices_and_noise_are_as_loud_as_planned(corpus):
    plans = corpus.draw(12, **ON)
    batch = render(collate(corpus.read(plans)))
    for row, plan in enumerate(plans):
        planned = [source.loudness_lufs for source in plan.sources]
        assert all(-33 <= value <= -25 for value in planned)
        assert plan.level_db is None
        measured = [loudness(batch.target[row]), loudness(batch.interference[row])]
        assert batch.mixture[row].abs().max() < 0.9  # so that nothing was turned down
        np.testing.assert_allclose(measured, planned, atol=0.05)
        if plan.noise:
            assert -38 <= plan.noise.loudness_lufs <= -30
            found = loudness(batch.noise[row])
            assert found == pytest.approx(plan.noise.loudness_lufs, abs=0.05)


def test_a_loud_mixture_is_turned_down_as_a_whole(corpus):
    loud = LoudnessOptions(speech_range_lufs=(-9.0, -5.0))
    plans = corpus.draw(4, **{**ON, "loudness": loud, "room_probability": 0.0})
    batch = render(collate(corpus.read(plans)))
    torch.testing.assert_close(batch.mixture.abs().amax(-1), torch.full((4,), 0.9))
    rest = batch.mixture - batch.target - batch.interference - batch.noise
    assert rest.abs().max() < 1e-6
    for row, plan in enumerate(plans):
        planned = plan.target.loudness_lufs - plan.interferers[0].loudness_lufs
        found = loudness(batch.target[row]) - loudness(batch.interference[row])
        assert found == pytest.approx(planned, abs=0.05)


def test_other_examples_of_a_batch_keep_their_levels(corpus):
    plans = [*corpus.draw(2, **ON), *corpus.draw(2, mixture_seconds=1.5, noise_probability=1.0)]
    batch = render(collate(corpus.read(plans)))
    for row, plan in enumerate(plans):
        alone = render(collate(corpus.read([plan])))
        for name in ("mixture", "target", "interference", "noise"):
            one, other = getattr(batch, name)[row], getattr(alone, name)[0]
            torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_loudness_leaves_what_else_is_drawn_and_is_written_with_the_plan(corpus, tmp_path):
    plans = corpus.draw(20, **ON, absent_probability=0.3)
    plain = corpus.draw(20, **{**ON, "loudness": None}, absent_probability=0.3)
    for plan, other in zip(plans, plain, strict=True):
        assert plan.enrollment == other.enrollment
        for one, two in zip(plan.sources, other.sources, strict=True):
            assert (one.clip, one.offset, one.response) == (two.clip, two.offset, two.response)
        if not plan.has_target:
            assert plan.interferers[0].loudness_lufs == plan.target.loudness_lufs
    write_plans(tmp_path / "m.jsonl", plans)
    assert read_plans(tmp_path / "m.jsonl") == plans
    line = (tmp_path / "m.jsonl").read_text().splitlines()[0]
    start = line.index(', "loudness_lufs"')
    (tmp_path / "m.jsonl").write_text(line[:start] + line[line.index("}", start) :])
    with pytest.raises(ManifestError, match=r"m\.jsonl:1: loudness_lufs: some sources have it\. G"):
        read_plans(tmp_path / "m.jsonl")


def test_options_that_cannot_be():
    with pytest.raises(ConfigError) as raised:
        LoudnessOptions(speech_range_lufs=(-20.0, -30.0), noise_range_lufs=(-10.0, 3.0))
    assert raised.value.problems == (
        "speech_range_lufs: expected low <= high <= 0, got [-20.0, -30.0]",
        "noise_range_lufs: expected low <= high <= 0, got [-10.0, 3.0]",
    )
