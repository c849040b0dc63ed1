"""Mixtures in which the enrolled speaker does not speak."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from wesep_like.data.dataset import OnlineMixtures
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.plans import read_plans, write_plans
from wesep_like.data.simulation.render import render
from wesep_like.data.store import AudioStore
from wesep_like.errors import ManifestError

ON = {
    "absent_probability": 0.5,
    "num_interferers": (0, 2),
    "noise_probability": 0.5,
    "room_probability": 0.5,
    "speed_probability": 0.5,
}


@pytest.mark.parametrize(
    "timing",
    [
        {"mixture_seconds": 1.0},
        {"mixture_seconds": None},
        {"mixture_seconds": 1.0, "overlap_range": (0.0, 1.0)},
        {"mixture_seconds": None, "mode": "max", "overlap_range": (0.0, 1.0)},
    ],
)
def test_someone_else_takes_the_place_of_an_absent_target(corpus, timing):
    options = {**ON, **timing}
    plans = corpus.draw(60, **options)
    present = corpus.draw(60, **{**options, "absent_probability": 0.0})
    assert 15 < sum(plan.has_target for plan in plans) < 45
    for plan, other in zip(plans, present, strict=True):
        assert other.has_target
        if plan.has_target:
            assert plan == other
            continue
        stand_in, *rest = plan.interferers
        assert len(rest) == len(other.interferers)  # as many voices as otherwise
        assert len({source.speaker for source in plan.sources}) == len(plan.sources)
        assert stand_in.response == other.target.response
        assert plan.enrollment == other.enrollment
        assert plan.target.speaker == other.target.speaker
        assert plan.level_db == other.level_db
        assert (plan.noise and plan.noise.snr_db) == (other.noise and other.noise.snr_db)
        for one, two in zip(rest, other.interferers, strict=True):
            assert (one.speaker, one.clip.path, one.speed) == (
                two.speaker,
                two.clip.path,
                two.speed,
            )
            assert (one.sir_db, one.response) == (two.sir_db, two.response)


def test_levels_are_relative_to_the_voice_in_its_place(corpus):
    options = {
        "absent_probability": 1.0,
        "noise_probability": 1.0,
        "room_probability": 0.5,
        "num_interferers": 1,
    }
    plans = corpus.draw(20, **options)
    examples = corpus.read(plans)
    batch = render(collate(examples))
    assert not batch.has_target.any()
    assert not batch.target.any()
    rest = batch.mixture - batch.interference - batch.noise
    assert rest.abs().max() < 1e-6
    for plan, example, row in zip(plans, examples, range(20), strict=True):
        sources = torch.from_numpy(np.stack(example.sources))
        assert not sources[0].any()
        if plan.target.response is None:
            other = sources[2]
            both = torch.linalg.lstsq(
                torch.stack([sources[1], other], 1), batch.interference[row][:, None]
            ).solution
            powers = (both[:, 0] * torch.stack([sources[1], other], 1)).square().sum(0)
            sir_db = 10 * torch.log10(powers[0] / powers[1])
            assert sir_db.item() == pytest.approx(plan.interferers[1].sir_db, abs=0.01)
            snr_db = 10 * torch.log10(powers[0] / batch.noise[row].square().sum())
            assert snr_db.item() == pytest.approx(plan.noise.snr_db, abs=0.01)


def test_present_examples_do_not_depend_on_absent_ones_beside_them(corpus):
    plans = corpus.draw(6, **ON)
    assert len({plan.has_target for plan in plans}) == 2
    batch = render(collate(corpus.read(plans)))
    assert batch.has_target.tolist() == [plan.has_target for plan in plans]
    for row, plan in enumerate(plans):
        alone = render(collate(corpus.read([plan])))
        for name in ("mixture", "target", "interference", "noise"):
            one, other = getattr(batch, name)[row], getattr(alone, name)[0]
            torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


def test_the_silent_target_of_an_absent_speaker_is_no_reason_to_draw_anew(corpus):
    planner = corpus.planner(absent_probability=1.0)
    dataset = OnlineMixtures(planner, AudioStore(8000), seed=1)
    for number in range(5):
        example = dataset[number]
        rng = np.random.default_rng([1, number, 0])
        assert example.plan == planner.draw(rng, mixture_id=str(number))
        assert not example.sources[0].any()
        assert planner.speakers[example.speaker] == example.plan.target.speaker
    assert dataset.broken.num_broken == 0


def test_the_file_of_an_absent_target_is_not_read(corpus, tmp_path):
    (plan,) = corpus.draw(1, absent_probability=1.0)
    gone = replace(plan.target.clip, path=str(tmp_path / "gone.wav"))
    (example,) = corpus.read([replace(plan, target=replace(plan.target, clip=gone))])
    assert not example.sources[0].any()


def test_plans_say_who_is_absent(corpus, tmp_path):
    plans = corpus.draw(20, **ON)
    write_plans(tmp_path / "m.jsonl", plans)
    assert read_plans(tmp_path / "m.jsonl") == plans
    lines = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    (absent,) = [line for line in lines if not line["has_target"]][:1]
    for change, message in (
        ({"interferers": []}, "has_target: false, and there are no interferers. Nobody would sp"),
        ({"has_target": 0}, "has_target: expected bool, got 0"),
    ):
        (tmp_path / "m.jsonl").write_text(json.dumps({**absent, **change}))
        with pytest.raises(ManifestError, match=rf"m\.jsonl:1: {message}"):
            read_plans(tmp_path / "m.jsonl")


def test_a_further_speaker_is_needed(corpus):
    with pytest.raises(ManifestError, match="6 speakers, but a mixture needs 7"):
        corpus.planner(num_interferers=5, absent_probability=0.1)
