"""What holds for mixtures of any options and seeds."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wesep_like.data.simulation.augmentation.options import (
    AugmentationOptions,
    ClippingOptions,
    EqualizerOptions,
)
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.draw import MixturePlanner
from wesep_like.data.simulation.options import LoudnessOptions
from wesep_like.data.simulation.render import render
from wesep_like.data.simulation.room_options import SimulatedRoomOptions

# Fixed examples: a failure is one for everybody, and nothing is written beside the tests.
few = settings(max_examples=25, deadline=None, derandomize=True, database=None)

ROOMS = SimulatedRoomOptions(kind="random", rt60_range_seconds=(0.1, 0.2))
EFFECTS = AugmentationOptions(equalizer=EqualizerOptions(0.5), clipping=ClippingOptions(0.5))
probability = st.sampled_from([0.0, 0.5, 1.0])


def ranges(low, high):
    value = st.integers(low, high).map(float)
    return st.tuples(value, value).map(sorted).map(tuple)


@st.composite
def all_options(draw):
    """Options of a simulation, as a corpus takes them."""
    has_length = draw(st.booleans())
    mode = "min" if has_length else draw(st.sampled_from(["min", "max"]))
    shares = st.tuples(*[st.sampled_from([0.0, 0.3, 0.8, 1.0])] * 2).map(sorted).map(tuple)
    return {
        "mixture_seconds": draw(st.sampled_from([0.3, 1.0, 2.5])) if has_length else None,
        "mode": mode,
        "overlap_range": draw(st.none() | shares) if has_length or mode == "max" else None,
        "enrollment_seconds": draw(st.sampled_from([None, 0.5, 4.0])),
        "num_interferers": draw(st.sampled_from([0, 1, (1, 3), {1: 0.5, 2: 0.5}])),
        "sir_range_db": draw(ranges(-10, 10)),
        "snr_range_db": draw(ranges(-10, 20)),
        "level_range_db": draw(st.none() | ranges(-50, 0)),
        "loudness": draw(st.none() | st.just(LoudnessOptions())),
        "speed_probability": draw(probability),
        "room_probability": draw(probability),
        "noise_probability": draw(probability),
        "noise": draw(st.sampled_from([None, "train/noise.jsonl"])),
        "absent_probability": draw(probability),
        "same_sex_probability": draw(probability),
        "simulated_rooms": draw(st.none() | st.just(ROOMS)),
        "augmentation": draw(st.sampled_from([AugmentationOptions(), EFFECTS])),
        "target_kind": draw(st.sampled_from(["dry", "early", "reverberant"])),
    }


@pytest.fixture(scope="module")
def sexed(corpus):
    """The corpus, with sexes, and a further place in each room: four may be heard."""
    utterances = [replace(u, sex="FM"[u.speaker in "ace"]) for u in corpus.utterances]
    rooms = [*corpus.rooms, *(replace(r, id=r.id + "x") for r in corpus.rooms)]
    return replace(corpus, utterances=utterances, rooms=rooms)


def planner_of(corpus, options):
    noises = corpus.noises if options["noise"] else []
    return MixturePlanner(
        corpus.utterances, noises, corpus.rooms, corpus.options(**options), corpus.sample_rate
    )


def drawn(corpus, options, seed, num=4):
    planner = planner_of(corpus, options)
    return [planner.draw(np.random.default_rng([seed, n]), mixture_id=str(n)) for n in range(num)]


@few
@given(options=all_options(), seed=st.integers(0, 2**31))
def test_plans_name_what_there_is(sexed, options, seed):
    lengths = {u.path: u.num_samples for u in (*sexed.utterances, *sexed.noises, *sexed.rooms)}
    for plan in drawn(sexed, options, seed):
        clips = [plan.enrollment.clip, *(source.clip for source in plan.sources)]
        clips += [source.response for source in plan.sources if source.response]
        clips += [plan.noise.clip] if plan.noise and plan.noise.clip else []
        for clip in clips:
            assert clip.start + clip.num_samples <= lengths[clip.path]
        for source in plan.sources:
            assert 0 <= source.offset < plan.num_samples
        target, enrollment = plan.target.clip, plan.enrollment.clip
        assert (
            target.path != enrollment.path
            or target.start + target.num_samples <= enrollment.start
            or enrollment.start + enrollment.num_samples <= target.start
        )
        speakers = [source.speaker for source in plan.sources]
        assert len(set(speakers)) == len(speakers)
        assert plan.enrollment.speed == plan.target.speed
        assert plan == replace(plan)


@few
@given(options=all_options(), seed=st.integers(0, 2**31))
def test_mixtures_are_the_sum_of_their_parts_and_inputs_stay(sexed, options, seed):
    options = {**options, "target_kind": "reverberant"}
    examples = sexed.read(drawn(sexed, options, seed, num=3))
    copies = [[a.copy() for a in (*e.sources, e.enrollment.samples)] for e in examples]
    clips = collate(examples)
    before = [
        (part, f.name, value.clone())
        for part in (clips, clips.enrollments)
        for f in fields(part)
        if isinstance(value := getattr(part, f.name), torch.Tensor)
    ]
    batch = render(clips)
    rest = batch.mixture - batch.target - batch.interference - batch.noise
    assert rest.abs().max() < 1e-6
    assert batch.mixture.isfinite().all()
    assert batch.mixture.abs().max() <= 0.991
    assert not batch.target[~batch.has_target].any()
    for part, name, value in before:
        torch.testing.assert_close(getattr(part, name), value, rtol=0, atol=0, equal_nan=True)
    for example, arrays in zip(examples, copies, strict=True):
        now = (*example.sources, example.enrollment.samples)
        assert all(np.array_equal(a, b) for a, b in zip(now, arrays, strict=True))


@few
@given(options=all_options(), seed=st.integers(0, 2**31))
def test_sir_and_snr_are_as_planned(sexed, options, seed):
    options = {**options, "target_kind": "reverberant", "loudness": None, "num_interferers": 1}
    options["absent_probability"] = 0.0
    plans = drawn(sexed, options, seed, num=3)
    batch = render(collate(sexed.read(plans)))
    energy = {
        name: getattr(batch, name).double().square().sum(-1)
        for name in ("target", "interference", "noise")
    }
    for row, plan in enumerate(plans):
        sir_db = 10 * torch.log10(energy["target"][row] / energy["interference"][row])
        assert sir_db.item() == pytest.approx(plan.interferers[0].sir_db, abs=0.1)
        if plan.noise:
            snr_db = 10 * torch.log10(energy["target"][row] / energy["noise"][row])
            assert snr_db.item() == pytest.approx(plan.noise.snr_db, abs=0.1)


def heard_of(source):
    """What of a source no other stage may move; its place in time is the timing's."""
    return source.speaker, source.clip.path, source.speed, source.sir_db, source.response


@few
@given(
    options=all_options(),
    seed=st.integers(0, 2**31),
    stage=st.sampled_from(["speed", "room", "noise", "absent", "same_sex"]),
)
def test_a_stage_that_is_switched_off_leaves_what_the_others_drew(sexed, options, seed, stage):
    name = f"{stage}_probability"
    on, off = {**options, name: 0.5}, {**options, name: 0.0}
    for plan, other in zip(drawn(sexed, on, seed), drawn(sexed, off, seed), strict=True):
        if stage == "same_sex":  # decides who speaks, and so much else; not the target
            pairs = [(plan.target, other.target)]
        else:
            stands_in = plan.has_target != other.has_target
            voices = plan.interferers[stands_in:]
            pairs = [(plan.target, other.target), *zip(voices, other.interferers, strict=True)]
        for one, two in pairs:
            if stage in ("speed", "room"):
                one, two = (replace(s, speed=1.0, response=None) for s in (one, two))
            assert heard_of(one) == heard_of(two)
            assert one.loudness_lufs == two.loudness_lufs
        assert plan.level_db == other.level_db
        if stage in ("room", "absent", "noise", "same_sex"):
            assert plan.enrollment == other.enrollment
        if stage != "noise":
            is_noise = [p.noise and (p.noise.snr_db, p.noise.color) for p in (plan, other)]
            assert is_noise[0] == is_noise[1]
