"""Plans of effects, rooms, noise and masks, as files and as keys."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wesep_like.data.simulation.augmentation.plans import (
    BandPlan,
    EffectsPlan,
    EqualizerPlan,
    GainPlan,
    MaskPlan,
    MasksPlan,
    PeakPlan,
)
from wesep_like.data.simulation.plans import (
    Clip,
    EnrollmentPlan,
    NoisePlan,
    read_plans,
    with_paths,
    write_plans,
)
from wesep_like.data.simulation.room_plans import SimulatedRoom
from wesep_like.errors import ManifestError

often = settings(max_examples=30, derandomize=True, database=None, deadline=None)
shares = st.floats(0, 1)


def decibels(most):
    return st.floats(-most, most).map(lambda value: value + 0.0)  # -0.0 is written otherwise


peaks = st.builds(PeakPlan, st.floats(1, 2e4), decibels(40), st.floats(0.01, 9))
bands = st.tuples(st.floats(0, 4000), st.floats(4001, 9000)).map(lambda b: BandPlan(*b))
effects = st.builds(
    EffectsPlan,
    st.none() | st.builds(EqualizerPlan, decibels(9), st.lists(peaks).map(tuple)),
    st.none() | bands,
    st.none() | st.builds(GainPlan, st.floats(0, 20), st.floats(0.01, 100), shares),
    st.none() | st.floats(0, 0.99),
    st.none() | st.sampled_from(["mu_law", "a_law"]),
)
spans = st.tuples(shares, shares).map(lambda m: MaskPlan(m[0] * (1 - m[1]), m[1]))
masks = st.builds(MasksPlan, st.lists(spans).map(tuple), st.lists(spans).map(tuple))
clips = st.builds(
    Clip, st.just("n.wav"), st.integers(0, 9), st.integers(1, 9), st.just(8000), st.none()
)
enrollments = st.builds(
    EnrollmentPlan,
    st.just(Clip("e.wav", 0, 50, 8000)),
    response=st.none() | clips,
    noise=st.none() | st.builds(NoisePlan, clips, decibels(50)),
    effects=st.none() | effects,
    masks=st.none() | masks,
)
rooms = st.builds(
    SimulatedRoom,
    st.sampled_from(["random", "image"]),
    st.just((5.0, 4.0, 3.0)),
    st.floats(0.1, 1),
    st.just((1.0, 1.0, 1.0)),
    st.tuples(st.tuples(st.floats(0.1, 4.9), st.floats(0.1, 3.9), st.floats(0.1, 2.9))),
    st.integers(0, 2**32 - 1),
)
enrollments |= st.builds(
    EnrollmentPlan, st.just(Clip("e.wav", 0, 50, 8000)), room=st.none() | rooms, masks=masks
)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("plans")


@often
@given(of_target=st.none() | effects, enrollment=enrollments)
def test_any_plan_is_read_as_it_was_written(folder, corpus, of_target, enrollment):
    (plan,) = corpus.draw(1)
    plan = replace(plan, target=replace(plan.target, effects=of_target), enrollment=enrollment)
    write_plans(folder / "m.jsonl", [plan])
    moved = with_paths(plan, lambda path: str(folder / path))
    assert read_plans(folder / "m.jsonl") == [moved]


@often
@given(one=enrollments, other=enrollments)
def test_the_key_of_an_enrollment_tells_what_was_done_to_its_samples(one, other):
    heard = replace(one, masks=None) == replace(other, masks=None)
    assert (one.key == other.key) == heard


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"equalizer": {"tilt_db": 1, "peaks": [{}]}}, r"equalizer\.peaks\[0\]\.hz' is missing"),
        (
            {"equalizer": {"tilt_db": 1, "peaks": [{"hz": 0, "gain_db": 1, "width_octaves": 1}]}},
            "peaks: expected hz and width_octaves above 0, got 0.0 and 1.0",
        ),
        (
            {"band_limit": {"low_hz": 9, "high_hz": 3}},
            "band_limit: expected 0 <= low_hz < high_hz, got 9.0 and 3.0",
        ),
        (
            {"gain": {"depth_db": 1, "period_seconds": 0, "phase": 0}},
            "gain: expected period_seconds above 0, got 0.0",
        ),
        ({"clipped_share": 1}, "clipped_share: expected at least 0 and below 1, got 1.0"),
        ({"codec": "mp3"}, "codec: expected one of mu_law, a_law, got 'mp3'"),
    ],
)
def test_a_bad_effect_is_told_with_its_line(tmp_path, corpus, change, message):

    path = tmp_path / "m.jsonl"
    write_plans(path, corpus.draw(1))
    plan = json.loads(path.read_text())
    path.write_text(json.dumps({**plan, "target": {**plan["target"], "effects": change}}))
    with pytest.raises(ManifestError, match=rf"m\.jsonl:1: .*{message}"):
        read_plans(path)


def test_a_room_that_cannot_be():
    room = SimulatedRoom("random", (5.0, 4.0, 3.0), 0.3, (1.0, 1.0, 1.0), ((2.0, 2.0, 2.0),) * 2, 1)
    clip = Clip("e.wav", 0, 50, 8000)
    with pytest.raises(ValueError, match=r"enrollment\.room: expected one place in it, and no re"):
        EnrollmentPlan(clip, room=room)
    with pytest.raises(ValueError, match=r"enrollment\.room: .* got 1 and Clip"):
        EnrollmentPlan(clip, response=clip, room=replace(room, sources_m=room.sources_m[:1]))


def test_a_mask_that_cannot_be():
    with pytest.raises(ValueError, match="masks: expected start and width within 0 to 1, got 0.9"):
        MaskPlan(0.9, 0.2)
