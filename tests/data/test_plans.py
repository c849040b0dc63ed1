import json
from dataclasses import replace

import pytest

from wesep_like.data.simulation.plans import (
    Clip,
    EnrollmentPlan,
    MixturePlan,
    NoisePlan,
    SourcePlan,
    read_plans,
    with_paths,
    write_plans,
)
from wesep_like.data.simulation.room_plans import SimulatedRoom
from wesep_like.errors import ManifestError

EVERYTHING = {
    "num_interferers": (0, 2),
    "noise_probability": 0.5,
    "room_probability": 0.5,
    "speed_probability": 0.5,
    "target_kind": "early",
}


def plan(**changes):
    target = SourcePlan("a", Clip("a.wav", 100, 50, 8000))
    enrollment = EnrollmentPlan(Clip("b.wav", 0, 50, 8000))
    return replace(MixturePlan("m", 8000, 50, target, (), enrollment), **changes)


def test_plans_are_read_as_they_were_written(tmp_path, corpus):
    plans = corpus.draw(20, **EVERYTHING)
    assert {len(p.interferers) for p in plans} == {0, 1, 2}
    assert len({p.noise is None for p in plans} & {p.target.response is None for p in plans}) == 2
    write_plans(tmp_path / "mixtures.jsonl", plans)
    assert read_plans(tmp_path / "mixtures.jsonl") == plans


def test_every_relative_path_is_relative_to_the_file(tmp_path, corpus):
    plans = corpus.draw(20, **EVERYTHING)
    moved = [with_paths(p, lambda path: path.replace(str(corpus.folder), "x")) for p in plans]
    write_plans(tmp_path / "m.jsonl", moved)
    assert str(corpus.folder) not in (tmp_path / "m.jsonl").read_text()
    expected = [
        with_paths(p, lambda path: path.replace(str(corpus.folder), str(tmp_path / "x")))
        for p in plans
    ]
    assert read_plans(tmp_path / "m.jsonl") == expected


def clip(path, start):
    return {"clip": {"path": path, "start": start, "num_samples": 9, "sample_rate": 8000}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_samples": 0}, "expected num_samples > 0 and sample_rate > 0, got 0 and 8000"),
        ({"target_kind": "wet"}, "target_kind: expected one of dry, early, reverberant, got 'wet'"),
        ({"noise": {"clip": 3, "snr_db": 0}}, "noise.clip: expected Clip, got 3"),
        ({"interferers": [{}]}, r"'interferers\[0\]\.speaker' is missing"),
        ({"interferers": 3}, "interferers: expected .*, got 3"),
        (
            {"enrollment": clip("b.wav", -1)},
            "clip: expected start >= 0, num_samples > 0 and .* -1, 9",
        ),
        ({"enrollment": clip("a.wav", 149)}, "enrollment: shares samples with the target. Take "),
    ],
)
def test_a_bad_plan_is_told_with_its_line(tmp_path, change, message):
    path = tmp_path / "m.jsonl"
    write_plans(path, [plan()])
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ManifestError, match=rf"m\.jsonl:1: {message}"):
        read_plans(path)


@pytest.mark.parametrize(
    ("start", "num_samples", "shares"),
    [(0, 100, False), (0, 101, True), (120, 5, True), (149, 9, True), (150, 9, False)],
)
def test_no_plan_enrolls_a_speaker_with_the_answer(start, num_samples, shares):
    enrollment = EnrollmentPlan(Clip("a.wav", start, num_samples, 8000))
    if shares:
        with pytest.raises(ValueError, match="shares samples"):
            plan(enrollment=enrollment)
    else:
        assert plan(enrollment=enrollment).enrollment == enrollment


def test_a_published_mixture_may_enroll_a_speaker_with_the_answer():
    whole = Clip("a.wav", 0, 100, 8000)
    recorded = MixturePlan(
        id="0",
        sample_rate=8000,
        num_samples=100,
        target=SourcePlan("a", whole),
        interferers=(),
        enrollment=EnrollmentPlan(whole),
        mixture=replace(whole, path="mix.wav"),
    )
    with pytest.raises(ValueError, match="shares samples"):
        replace(recorded, mixture=None)


def test_the_key_of_an_enrollment_tells_its_samples():
    clip = Clip("a.wav", 0, 10, 8000)
    plans = [
        EnrollmentPlan(clip),
        EnrollmentPlan(clip, 0.9),
        EnrollmentPlan(replace(clip, start=1)),
        EnrollmentPlan(replace(clip, num_samples=11)),
        EnrollmentPlan(replace(clip, channel=0)),
        EnrollmentPlan(replace(clip, path="b.wav")),
    ]
    assert len({p.key for p in plans}) == len(plans)
    assert EnrollmentPlan(replace(clip)).key == plans[0].key


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mixture": Clip("m.wav", 101, 50, 8000)}, "mixture: is cut elsewhere than a.wav"),
        ({"mixture": Clip("m.wav", 100, 51, 8000)}, "mixture: is cut elsewhere than a.wav"),
        ({"mixture": Clip("m.wav", 100, 50, 16000)}, "mixture: is cut elsewhere than a.wav"),
        (
            {"interferers": (SourcePlan("b", Clip("i.wav", 0, 50, 8000)),)},
            "mixture: is cut elsewhere than i.wav",
        ),
        (
            {"interferers": (SourcePlan("b", Clip("i.wav", 100, 50, 8000), sir_db=3.0),)},
            "mixture: is recorded. Expected sources without speed, offset, SIR or response",
        ),
        (
            {"noise": NoisePlan(Clip("n.wav", 0, 50, 8000), 3.0)},
            "mixture: is recorded, with its noise. Expected no other",
        ),
        (
            {"room": SimulatedRoom("random", (4, 4, 3), 0.3, (1, 1, 1), ((2, 2, 1),), 0)},
            "mixture: is recorded, in its room. Expected no other",
        ),
    ],
)
def test_a_recorded_mixture_is_one_stretch_and_left_as_it_is(changes, message):
    recorded = {"mixture": Clip("m.wav", 100, 50, 8000)}
    assert plan(**recorded).mixture == recorded["mixture"]
    with pytest.raises(ValueError, match=message):
        plan(**{**recorded, **changes})
