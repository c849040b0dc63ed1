import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from wesep_like.data.manifest import Utterance, write_manifest
from wesep_like.data.simulation.draw import MixturePlanner
from wesep_like.data.simulation.options import SimulationOptions
from wesep_like.errors import ConfigError, ManifestError


def span(clip):
    return range(clip.start, clip.start + clip.num_samples)


@pytest.mark.parametrize(
    ("mixture_seconds", "enrollment_seconds", "speed_probability"),
    list(itertools.product((None, 0.7, 3.0), (None, 0.6, 5.0), (0.0, 1.0))),
)
def test_target_and_enrollment_never_share_a_sample(
    corpus, mixture_seconds, enrollment_seconds, speed_probability
):
    plans = corpus.draw(
        200,
        mixture_seconds=mixture_seconds,
        enrollment_seconds=enrollment_seconds,
        speed_probability=speed_probability,
    )
    seen = {}
    for plan in plans:
        target, enrollment = plan.target.clip, plan.enrollment.clip
        seen.setdefault(plan.target.speaker, set()).add(target.path == enrollment.path)
        if target.path == enrollment.path:
            first, second = sorted([span(target), span(enrollment)], key=lambda s: s.start)
            assert first.stop <= second.start
    # From the same file where there is but one, and only there.
    assert seen == {**dict.fromkeys("abcd", {False}), **dict.fromkeys("ef", {True})}


def test_clips_lie_in_their_files_and_in_the_mixture(corpus):
    lengths = {u.path: u.num_samples for u in [*corpus.utterances, *corpus.noises, *corpus.rooms]}
    for plan in corpus.draw(
        300,
        num_interferers=(0, 2),
        speed_probability=0.5,
        noise_probability=0.5,
        room_probability=0.5,
    ):
        clips = [plan.enrollment.clip, *(s.clip for s in plan.sources)]
        clips += [s.response for s in plan.sources if s.response]
        clips += [plan.noise.clip] if plan.noise else []
        assert all(span(clip).stop <= lengths[clip.path] for clip in clips)
        assert all(0 <= source.offset < plan.num_samples for source in plan.sources)


def test_interferers_are_other_speakers(corpus):
    for plan in corpus.draw(200, num_interferers=(1, 3)):
        speakers = [source.speaker for source in plan.sources]
        assert len(set(speakers)) == len(speakers)
        assert [Path(source.clip.path).name[0] for source in plan.sources] == speakers


def test_numbers_are_drawn_from_their_ranges(corpus):
    plans = corpus.draw(
        200,
        num_interferers=(0, 2),
        sir_range_db=(-3.0, 4.0),
        noise_probability=1.0,
        snr_range_db=(7.0, 9.0),
        level_range_db=(-30.0, -20.0),
    )
    sirs = [source.sir_db for plan in plans for source in plan.interferers]
    assert -3 <= min(sirs) < -2.8
    assert 3.8 < max(sirs) <= 4
    assert all(7 <= plan.noise.snr_db <= 9 for plan in plans)
    assert all(-30 <= plan.level_db <= -20 for plan in plans)
    assert {len(plan.interferers) for plan in plans} == {0, 1, 2}
    assert all(plan.target.sir_db == 0 for plan in plans)


def test_the_same_numbers_give_the_same_plan(corpus):
    options = {"noise_probability": 0.5, "room_probability": 0.5, "speed_probability": 0.5}
    shuffled = list(reversed(corpus.utterances))
    first, again = corpus.planner(**options), corpus.planner(shuffled, **options)
    for number in range(20):
        rngs = [np.random.default_rng([1, number]) for _ in range(2)]
        assert first.draw(rngs[0]) == again.draw(rngs[1])
    plans = [first.draw(np.random.default_rng([1, number])) for number in range(20)]
    assert len(set(plans)) == 20


def without(plan, *stages):
    """The plan, less what these stages decided."""
    if "noise" in stages:
        plan = replace(plan, noise=None)
    if "level" in stages:
        plan = replace(plan, level_db=None)
    if "room" in stages:
        target, *interferers = (replace(source, response=None) for source in plan.sources)
        plan = replace(plan, target=target, interferers=tuple(interferers))
    return plan


@pytest.mark.parametrize(
    ("stage", "off"),
    [
        ("noise", {"noise_probability": 0.0}),
        ("room", {"room_probability": 0.0}),
        ("level", {"level_range_db": None}),
    ],
)
def test_switching_one_stage_off_leaves_the_others_as_they_were(corpus, stage, off):
    on = {"noise_probability": 0.5, "room_probability": 0.5, "speed_probability": 0.5}
    with_stage, without_stage = corpus.draw(50, **on), corpus.draw(50, **{**on, **off})
    assert with_stage != without_stage
    assert [without(plan, stage) for plan in with_stage] == without_stage


def test_speed_and_further_interferers_leave_the_other_choices_as_they_were(corpus):
    on = {"noise_probability": 1.0, "room_probability": 1.0}
    plans = corpus.draw(50, **on)
    for slow, plan in zip(corpus.draw(50, **on, speed_probability=1.0), plans, strict=True):
        assert {source.speed for source in slow.sources} <= {0.9, 1.1}
        assert slow.enrollment.speed == slow.target.speed
        assert (slow.level_db, slow.noise) == (plan.level_db, plan.noise)
        for fast_source, source in zip(slow.sources, plan.sources, strict=True):
            assert fast_source.clip.path == source.clip.path
            assert (fast_source.sir_db, fast_source.response) == (source.sir_db, source.response)
    for crowded, plan in zip(corpus.draw(50, **on, num_interferers=2), plans, strict=True):
        assert replace(crowded, interferers=crowded.interferers[:1]) == plan


def test_whole_enrollments_are_few(corpus):
    plans = corpus.draw(300, enrollment_seconds=None)
    keys = {plan.enrollment.key for plan in plans}
    # Of a to d: two each, the third is too short; of e and f: two halves each.
    assert len(keys) == 4 * 2 + 2 * 2
    for plan in plans:
        if plan.target.speaker in "ef":
            assert plan.enrollment.clip.num_samples == 8800


def test_mixtures_as_long_as_the_shortest_utterance_begin_where_it_does(corpus):
    num_samples_of = {u.path: u.num_samples * 8000 // u.sample_rate for u in corpus.utterances}
    for plan in corpus.draw(100, mixture_seconds=None):
        assert all(source.offset == 0 for source in plan.sources)
        if {source.speaker for source in plan.sources}.isdisjoint("ef"):
            assert all(source.clip.start == 0 for source in plan.sources)
            assert plan.num_samples == min(num_samples_of[s.clip.path] for s in plan.sources)


def test_a_given_target_is_the_target(corpus):
    planner = corpus.planner()
    for target in corpus.utterances:
        plan = planner.draw(np.random.default_rng(0), target=target)
        assert plan.target.clip.path == target.path
        assert plan.interferers[0].speaker != target.speaker


def test_speakers_are_drawn_as_asked(corpus):
    uniform = Counter(plan.target.speaker for plan in corpus.draw(1400))
    by_utterance = Counter(
        plan.target.speaker for plan in corpus.draw(1400, speaker_sampling="by_utterance")
    )
    assert uniform["a"] == pytest.approx(1400 / 6, abs=50)
    assert uniform["e"] == pytest.approx(1400 / 6, abs=50)
    assert by_utterance["a"] == pytest.approx(1400 * 3 / 14, abs=60)
    assert by_utterance["e"] == pytest.approx(1400 / 14, abs=40)
    by_duration = Counter(
        plan.target.speaker for plan in corpus.draw(1400, speaker_sampling="by_duration")
    )
    assert by_duration["a"] == pytest.approx(1400 * 2.6 / 14.8, abs=50)
    assert by_duration["e"] == pytest.approx(1400 * 2.2 / 14.8, abs=50)


def test_sources_of_a_mixture_are_at_different_places_of_one_room(corpus):
    rooms = set()
    for plan in corpus.draw(50, num_interferers=2, room_probability=1.0):
        responses = [source.response for source in plan.sources]
        assert len({response.path for response in responses}) == 3
        assert len({response.path[:-5] for response in responses}) == 1
        assert len({response.channel for response in responses}) == 1
        rooms.add((responses[0].path[:-5], responses[0].channel))
    assert len(rooms) == 4


def test_a_recording_under_two_ids_is_one(corpus):
    twin = replace(corpus.utterances[-1], id="twin")
    planner = corpus.planner([*corpus.utterances, twin])
    for number in range(20):
        plan = planner.draw(np.random.default_rng(number), target=twin)
        assert plan.target.clip.path == plan.enrollment.clip.path  # so they are parts of it


def test_an_utterance_that_cannot_be_shared(corpus):
    tiny = Utterance("tiny", "t", "tiny.wav", 1, 8000)
    planner = corpus.planner([*corpus.utterances, tiny])
    with pytest.raises(ManifestError, match=r"tiny: the only utterance .* too short to share \(1 "):
        planner.draw(np.random.default_rng(0), target=tiny)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mixture_seconds": 0}, "mixture_seconds: expected more than 0 seconds, got 0"),
        (
            {"enrollment_seconds": -1.0},
            "enrollment_seconds: expected more than 0 seconds, got -1.0",
        ),
        ({"min_enrollment_seconds": -1.0}, "min_enrollment_seconds: expected 0 seconds or more"),
        ({"room_probability": 1.5, "rooms": "r"}, "room_probability: expected 0 to 1, got 1.5"),
        ({"sir_range_db": (5.0, -5.0)}, r"sir_range_db: expected low <= high, got \[5.0, -5.0\]"),
        ({"num_interferers": (2, 1)}, r"num_interferers: expected low <= high, got \[2, 1\]"),
        ({"num_interferers": -1}, "num_interferers: expected 0 or more, got -1"),
        ({"level_range_db": (-3.0, 3.0)}, r"level_range_db: expected 0 dB \(full scale\) or less"),
        ({"speeds": (), "speed_probability": 0.1}, "speeds: none given, but speed_probability is"),
        ({"speeds": (0.123,)}, r"speeds: expected 0.5 to 2 in steps of 0.01, got \[0.123\]"),
        ({"room_probability": 0.5}, "rooms: missing, but room_probability is 0.5. Give a manifest"),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(ConfigError, match=message):
        SimulationOptions("u.jsonl", **options)


def test_all_wrong_options_are_told_at_once():
    with pytest.raises(ConfigError) as raised:
        SimulationOptions("u.jsonl", mixture_seconds=0, sir_range_db=(1.0, 0.0))
    assert len(raised.value.problems) == 2


def test_a_corpus_that_is_too_small(corpus):
    with pytest.raises(
        ManifestError, match=r"utterances\.jsonl: 6 speakers, but a mixture needs 7"
    ):
        corpus.planner(num_interferers=6)
    with pytest.raises(ManifestError, match=r"room 'hall' has 3 responses, but a mixture needs 4"):
        corpus.planner(num_interferers=3, room_probability=1.0)
    options = corpus.options(noise_probability=0.1)
    with pytest.raises(ManifestError, match=r"noise\.jsonl: no noises, but noise_probability is"):
        MixturePlanner(corpus.utterances, [], [], options, 8000)
    options = corpus.options(room_probability=0.1)
    with pytest.raises(ManifestError, match=r"rooms\.jsonl: no rooms, but room_probability is"):
        MixturePlanner(corpus.utterances, [], [], options, 8000)


def test_a_planner_reads_the_manifests_that_its_options_name(tmp_path, corpus):
    paths = [str(tmp_path / f"{name}.jsonl") for name in ("utterances", "noise", "rooms")]
    contents = (corpus.utterances, corpus.noises, corpus.rooms)
    for path, records in zip(paths, contents, strict=True):
        write_manifest(path, records)
    options = corpus.options(noise_probability=1.0, room_probability=1.0)
    options = replace(options, utterances=paths[0], noise=paths[1], rooms=paths[2])
    from_files = MixturePlanner.from_manifests(options, 8000)
    direct = corpus.planner(noise_probability=1.0, room_probability=1.0)
    assert from_files.draw(np.random.default_rng(1)) == direct.draw(np.random.default_rng(1))
