"""Crops for plain speaker encoders: which, in what order, and whose they are."""

import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from wesep_like.data.dataset import BatchNumbers, Files
from wesep_like.data.manifest import Utterance, write_manifest
from wesep_like.data.reading import read_enrollment
from wesep_like.data.shards.pack import pack
from wesep_like.data.simulation.augmentation.options import (
    CodecOptions,
    EnrollmentAugmentationOptions,
    EnrollmentNoiseOptions,
    EnrollmentRoomOptions,
    SpecAugmentOptions,
)
from wesep_like.data.simulation.draw import SpeechPlanner
from wesep_like.data.simulation.draw.augmentation import EnrollmentAugmentation
from wesep_like.data.simulation.plans import EnrollmentPlan
from wesep_like.data.simulation.speech_options import SpeechFilesOptions, SpeechShardsOptions
from wesep_like.data.speech import collate_speech, render_speech
from wesep_like.data.speech_dataset import FixedSpeech, NumberedSpeech, training_speech
from wesep_like.data.store import AudioStore
from wesep_like.errors import ConfigError, ManifestError

RATE = 8000
BATCH = 4
EVERYTHING = EnrollmentAugmentationOptions(
    room=EnrollmentRoomOptions(0.5),
    noise=EnrollmentNoiseOptions(0.5),
    codec=CodecOptions(0.5),
    spec_augment=SpecAugmentOptions(0.5),
)


def options_of(**options):
    given = {"noise": "noise.jsonl", "rooms": "rooms.jsonl", "crop_seconds": 0.5, **options}
    return SpeechFilesOptions("utterances.jsonl", **given)


@pytest.fixture
def make(corpus):
    """A planner: `make(utterances=None, batch_size=4, seed=3, utterances_per_speaker=2)`."""

    def planner(utterances=None, *, batch_size=BATCH, seed=3, **options):
        return SpeechPlanner(
            corpus.utterances if utterances is None else utterances,
            corpus.noises,
            corpus.rooms,
            options_of(**options),
            RATE,
            seed=seed,
            batch_size=batch_size,
        )

    return planner


def drawn(planner, numbers):
    return [planner.draw(np.random.default_rng([3, n, 0]), n) for n in numbers]


def dataset_of(planner, **options):
    return NumberedSpeech(Files(planner, AudioStore(RATE)), 3, 0.05, **options)


def test_each_epoch_has_every_utterance_once_in_another_order(make, corpus):
    num = len(corpus.utterances)
    paths = [plan.heard.clip.path for plan in drawn(make(), range(2 * num))]
    first, second = paths[:num], paths[num:]
    assert sorted(first) == sorted(second) == sorted(u.path for u in corpus.utterances)
    assert first != second
    again = [plan.heard.clip.path for plan in drawn(make(corpus.utterances[::-1]), range(num))]
    assert again == first  # whatever the order of the manifest
    other = [plan.heard.clip.path for plan in drawn(make(seed=4), range(num))]
    assert other != first


@pytest.mark.parametrize("per_speaker", [1, 2, 3])
def test_a_batch_has_several_different_utterances_of_each_of_its_speakers(make, per_speaker):
    planner = make(batch_size=6, utterances_per_speaker=per_speaker, speed_probability=0.5)
    sets = set()
    for batch in range(20):
        plans = drawn(planner, range(6 * batch, 6 * batch + 6))
        groups = [plans[n : n + per_speaker] for n in range(0, 6, per_speaker)]
        assert len({group[0].speaker for group in groups}) == 6 // per_speaker
        sets.add(frozenset(group[0].speaker for group in groups))
        for group in groups:
            assert len({plan.speaker for plan in group}) == 1
            assert len({plan.heard.speed for plan in group}) == 1  # another would be another class
            num_different = len({plan.heard.clip.path for plan in group})
            has_one = group[0].speaker in "ef"
            assert num_different == (1 if has_one else per_speaker)
            assert len({(p.heard.clip.path, p.heard.clip.start) for p in group}) == per_speaker
    assert len(sets) > 1 or per_speaker == 1


def test_crops_have_one_length_and_lie_anywhere(make, corpus):
    plans = drawn(make(crop_seconds=0.6, speed_probability=0.5), range(60))
    length_of = {u.path: u.num_samples for u in corpus.utterances}
    starts = set()
    for plan in plans:
        heard = plan.heard
        assert heard.num_samples == 4800
        wanted = -(-0.6 * heard.speed * heard.clip.sample_rate // 1)
        assert heard.clip.num_samples == min(wanted, length_of[heard.clip.path])
        starts.add(heard.clip.start)
        samples = read_enrollment(heard, AudioStore(RATE)).samples
        assert samples.shape == (4800,)
        if "a2" in heard.clip.path and heard.speed == 1:  # 0.4 s: repeated
            assert np.array_equal(samples[3200:], samples[:1600])
    assert len(starts) > 20


def test_what_happens_to_a_crop_is_what_happens_to_an_enrollment(make, corpus):
    plans = drawn(make(augmentation=EVERYTHING, crop_seconds=0.3), range(12))
    draw = EnrollmentAugmentation(corpus.noises, corpus.rooms, options_of(), EVERYTHING, RATE).draw
    for number, plan in enumerate(plans):
        changes = np.random.default_rng([3, number, 0]).spawn(3)[2]
        bare = EnrollmentPlan(plan.heard.clip, plan.heard.speed, num_samples=2400)
        assert draw(changes, bare) == plan.heard
    for stage in ("response", "noise", "effects", "masks"):
        assert len({getattr(plan.heard, stage) is None for plan in plans}) == 2
    # Without it, all else stays as it was.
    for plan, other in zip(plans, drawn(make(crop_seconds=0.3), range(12)), strict=True):
        assert (plan.heard.clip, plan.heard.speed) == (other.heard.clip, other.heard.speed)


def test_each_kind_of_noise_has_a_level_of_its_own(make):
    section = EnrollmentNoiseOptions(1.0, (0.0, 5.0), {"se": [20.0, 30.0]})
    augmentation = EnrollmentAugmentationOptions(noise=section)
    noises = [plan.heard.noise for plan in drawn(make(augmentation=augmentation), range(40))]
    is_sea = ["sea" in noise.clip.path for noise in noises]
    assert 5 < sum(is_sea) < 35
    for noise, is_loud in zip(noises, is_sea, strict=True):
        assert (20 <= noise.snr_db <= 30) if is_loud else (0 <= noise.snr_db <= 5)


def test_wrong_levels_of_kinds_of_noise():
    with pytest.raises(ConfigError) as caught:
        EnrollmentNoiseOptions(0.5, snr_ranges_db={"music": 5, "speech": [3.0, 1.0], "x": ["a", 1]})
    assert caught.value.problems == (
        "snr_ranges_db.music: expected [number, number], got 5",
        "snr_ranges_db.speech: expected low <= high, got [3.0, 1.0]",
        "snr_ranges_db.x: expected [number, number], got ['a', 1]",
    )


def test_another_speed_is_another_speaker(make):
    dataset = dataset_of(make(speed_probability=0.7), new_speeds=(0.9, 1.1))
    assert dataset.classes[:6] == list("abcdef")
    assert dataset.classes[6:8] == ["a x0.9", "b x0.9"]
    assert len(dataset.classes) == 18
    seen = Counter()
    for number in range(60):
        example = dataset[number]
        speed = example.heard.plan.speed
        name = dataset.classes[example.speaker]
        path = example.heard.plan.clip.path.rpartition("/")[2]
        assert name == (path[0] if speed == 1 else f"{path[0]} x{speed:g}")
        seen[speed] += 1
    assert set(seen) == {0.9, 1.0, 1.1}
    same = dataset_of(make(speed_probability=0.7))
    assert same.classes == list("abcdef")
    assert {same[number].speaker for number in range(20)} <= set(range(6))


def test_speeds_are_new_speakers_only_where_there_are_any():
    assert options_of(speed_probability=0.5).new_speeds == (0.9, 1.1)
    assert options_of().new_speeds == ()
    assert options_of(speed_probability=0.5, speed_as_new_speaker=False).new_speeds == ()


def batches(dataset, numbers, num, num_workers=0):
    loader = DataLoader(
        dataset, batch_sampler=numbers, num_workers=num_workers, collate_fn=collate_speech
    )
    return [render_speech(clips) for clips in itertools.islice(loader, num)]


def are_equal(one, other):
    return one.ids == other.ids and all(
        torch.equal(getattr(one, name), getattr(other, name))
        for name in ("speech", "num_samples", "speakers")
    )


# Python warns of forking a process with threads; torch's have nothing to do here.
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("per_speaker", [None, 2])
def test_batches_are_the_same_whatever_workers_ranks_and_resumes(make, per_speaker):
    dataset = dataset_of(
        make(augmentation=EVERYTHING, utterances_per_speaker=per_speaker, speed_probability=0.5),
        new_speeds=(0.9, 1.1),
    )
    alone = batches(dataset, BatchNumbers(BATCH), 6)
    for found, wanted in (
        (batches(dataset, BatchNumbers(BATCH), 6, num_workers=2), alone),
        (batches(dataset, BatchNumbers(BATCH, first_batch=4), 2), alone[4:]),
        (batches(dataset, BatchNumbers(BATCH, rank=1, num_ranks=2), 3), alone[1::2]),
    ):
        assert len(found) == len(wanted)
        assert all(map(are_equal, found, wanted))


def test_a_broken_file_is_replaced_by_one_of_the_same_speaker(make, corpus):
    gone = [
        replace(u, path=u.path + ".gone") if u.id in ("a0", "c1") else u for u in corpus.utterances
    ]
    planner = make(gone, utterances_per_speaker=2)
    dataset = NumberedSpeech(Files(planner, AudioStore(RATE)), 3, 0.5)
    with pytest.warns(UserWarning, match=r"skipped: .*\.gone"):
        examples = [dataset[number] for number in range(40)]
    for first, second in zip(examples[::2], examples[1::2], strict=True):
        assert first.speaker == second.speaker
    assert dataset.broken.num_broken > 2


@pytest.fixture(scope="session")
def shards(corpus, tmp_path_factory):
    data, folder = (tmp_path_factory.mktemp(name) for name in ("speech", "speech_shards"))
    write_manifest(data / "utterances.jsonl", corpus.utterances)
    write_manifest(data / "noise.jsonl", corpus.noises)
    pack(data, folder, per_shard=5)
    return folder


def test_crops_of_shards(shards, corpus):
    options = SpeechShardsOptions(
        str(shards / "shards.list"),
        noise_shards=str(shards / "noise.list"),
        speakers=str(shards / "speakers.txt"),
        crop_seconds=0.3,
        augmentation=EnrollmentAugmentationOptions(noise=EnrollmentNoiseOptions(0.5)),
        speed_probability=0.5,
    )
    dataset = training_speech(
        options, AudioStore(RATE), seed=1, batch_size=2, max_broken_share=0.05
    )
    assert dataset.classes[:7] == [*"abcdef", "a x0.9"]
    speaker_of = {u.id: u.speaker for u in corpus.utterances}
    noises = 0
    for number in range(20):
        example = dataset[number]
        shard, _, name = example.heard.plan.clip.path.rpartition(":")
        assert shard.startswith(str(shards))
        assert dataset.classes[example.speaker][0] == speaker_of[name.removesuffix(".flac")]
        assert example.heard.samples.shape == (2400,)
        noises += example.heard.noise is not None
    assert 0 < noises < 20


def test_fixed_speech_is_whole_or_its_beginning(corpus):
    audio = {u.id: u.path for u in corpus.utterances if u.id in ("a1", "b0")}
    store = AudioStore(RATE)
    whole, part = FixedSpeech(audio, store), FixedSpeech(audio, store, max_seconds=0.5)
    assert whole.names == ["a1", "b0"]
    assert [len(whole[n].heard.samples) for n in range(len(whole))] == [10400, 7200]
    assert [len(part[n].heard.samples) for n in range(2)] == [4000, 4000]
    assert np.array_equal(part[0].heard.samples, whole[0].heard.samples[:4000])


def test_too_few_speakers(make, corpus):
    one = [u for u in corpus.utterances if u.speaker == "a"]
    with pytest.raises(ManifestError, match=r"utterances\.jsonl: 1 speakers\. Telling speakers"):
        make(one)
    message = (
        r"utterances\.jsonl: 6 speakers, but a batch of 8 has 8, with 1 utterances each\. "
        r"Lower trainer\.batch_size or raise data\.train\.utterances_per_speaker"
    )
    with pytest.raises(ManifestError, match=message):
        make(batch_size=8, utterances_per_speaker=1)


def test_a_manifest_without_noises_where_they_are_wanted(corpus):
    options = options_of(augmentation=EVERYTHING)
    message = r"noise\.jsonl: nothing in it, but augmentation\.noise\.probability is above 0"
    with pytest.raises(ManifestError, match=message):
        SpeechPlanner(corpus.utterances, [], corpus.rooms, options, RATE, seed=1, batch_size=2)


def test_all_wrong_options_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        SpeechFilesOptions(
            "u",
            crop_seconds=0.0,
            speed_probability=1.5,
            speeds=(3.0,),
            noise_exponent_range=(1.0, 0.0),
            augmentation=EnrollmentAugmentationOptions(room=EnrollmentRoomOptions(0.5)),
        )
    assert caught.value.problems == (
        "crop_seconds: expected more than 0, got 0.0",
        "speed_probability: expected 0 to 1, got 1.5",
        "noise_exponent_range: expected low <= high, got [1.0, 0.0]",
        "speeds: expected 0.5 to 2 in steps of 0.01, got [3.0]",
        "rooms: missing, but augmentation.room.probability is 0.5. Give a manifest, or "
        "simulated_rooms, or set it to 0",
    )
    with pytest.raises(ConfigError, match="utterances_per_speaker: expected at least 1, got 0"):
        SpeechFilesOptions("u", utterances_per_speaker=0)


def test_shards_want_a_list_of_speakers():
    with pytest.raises(ConfigError) as caught:
        SpeechShardsOptions("a.tar", noise="n", noise_shards="b.tar")
    assert caught.value.problems == (
        "noise_shards: stands in place of noise. Give one of them",
        "speakers: missing. Give the speakers.txt that 'wesep-like shard' writes",
    )


def test_a_plan_of_no_length():
    clip = Utterance("u", "s", "u.wav", 10, RATE)
    with pytest.raises(ValueError, match="num_samples: expected more than 0, got 0"):
        EnrollmentPlan(clip, num_samples=0)
