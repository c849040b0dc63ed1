import itertools
import math
import warnings
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from torch.utils.data import DataLoader

from wesep_like.data.dataset import (
    BatchNumbers,
    FixedMixtures,
    OnlineMixtures,
    evenly_spread,
    share_numbers,
)
from wesep_like.data.manifest import Utterance
from wesep_like.data.reading import read_ingredients
from wesep_like.data.simulation.augmentation.options import (
    AugmentationOptions,
    ClippingOptions,
    EnrollmentAugmentationOptions,
    EnrollmentNoiseOptions,
    EnrollmentRoomOptions,
    EqualizerOptions,
    SpecAugmentOptions,
)
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.plans import (
    Clip,
    EnrollmentPlan,
    MixturePlan,
    SourcePlan,
    read_plans,
    write_plans,
)
from wesep_like.data.simulation.render import render
from wesep_like.data.simulation.room_options import SimulatedRoomOptions
from wesep_like.data.store import AudioStore
from wesep_like.errors import AudioError, SampleRateError

SIGNALS = (
    *("mixture", "target", "interference", "noise", "enrollment", "speakers"),
    *("mixture_samples", "enrollment_samples", "has_target"),
)
EVERYTHING = {
    "noise_probability": 0.5,
    "room_probability": 0.7,
    "simulated_rooms": SimulatedRoomOptions(kind="random", rt60_range_seconds=(0.1, 0.2)),
    "speed_probability": 0.5,
    "absent_probability": 0.3,
    "num_interferers": (1, 2),
    "overlap_range": (0.3, 1.0),
    "enrollment_seconds": (0.3, 0.8),
    "augmentation": AugmentationOptions(
        equalizer=EqualizerOptions(0.5), clipping=ClippingOptions(0.5)
    ),
    "enrollment_augmentation": EnrollmentAugmentationOptions(
        noise=EnrollmentNoiseOptions(0.5),
        room=EnrollmentRoomOptions(0.5),
        spec_augment=SpecAugmentOptions(0.5),
    ),
}


def online(corpus, utterances=None, seed=3, **options):
    planner = corpus.planner(utterances, **options)
    return OnlineMixtures(planner, AudioStore(8000, cache_megabytes=1), seed)


def batches(dataset, numbers, num_batches, num_workers=0):
    loader = DataLoader(dataset, batch_sampler=numbers, num_workers=num_workers, collate_fn=collate)
    return [render(clips) for clips in itertools.islice(loader, num_batches)]


def are_equal(one, other):
    return one.ids == other.ids and all(
        torch.equal(getattr(one, name), getattr(other, name)) for name in SIGNALS
    )


# Python warns of forking a process with threads; torch's have nothing to do here.
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker processes:UserWarning")
@pytest.mark.parametrize("num_workers", [1, 4])
def test_batches_are_the_same_whatever_the_number_of_workers(corpus, num_workers):
    alone = batches(online(corpus, **EVERYTHING), BatchNumbers(3), 5)
    shared = batches(online(corpus, **EVERYTHING), BatchNumbers(3), 5, num_workers)
    assert all(map(are_equal, alone, shared))
    assert not torch.equal(alone[0].mixture, alone[1].mixture)


def test_a_resumed_run_sees_the_batches_that_it_would_have_seen(corpus):
    straight = batches(online(corpus, **EVERYTHING), BatchNumbers(3), 5)
    resumed = batches(online(corpus, **EVERYTHING), BatchNumbers(3, first_batch=3), 2)
    assert all(map(are_equal, straight[3:], resumed))


def test_the_ranks_share_what_one_process_would_have_had():
    def first(numbers):
        return list(itertools.islice(numbers, 4))

    one = first(BatchNumbers(4, first_batch=2))
    ranks = [first(BatchNumbers(2, 2, rank, 2)) for rank in range(2)]
    assert [a + b for a, b in zip(*ranks, strict=True)] == one
    assert one[0] == [8, 9, 10, 11]


@pytest.mark.parametrize(("count", "ranks"), [(1, 1), (5, 1), (6, 3), (7, 3), (2, 5)])
def test_shares_are_of_one_size_and_leave_nothing_out(count, ranks):
    shares = [share_numbers(count, rank, ranks) for rank in range(ranks)]
    assert len({len(share) for share in shares}) == 1
    assert {number for share in shares for number in share} == set(range(count))
    assert sum(map(len, shares)) < count + ranks


@pytest.mark.parametrize("num_speakers", [2, 3])
def test_what_is_evenly_spread_has_some_of_each_stretch_and_of_each_kind(num_speakers):
    lines = list(range(6000))  # line n is for speaker n % num_speakers
    for count in (6, 100, 200, 500, 700, 1000, 1300, 3000, 4500):
        chosen = evenly_spread(lines, count)
        stretches = [[n * 6000 // count, (n + 1) * 6000 // count] for n in range(count)]
        assert all(
            first <= line < after for line, (first, after) in zip(chosen, stretches, strict=True)
        )
        kinds = Counter(line % num_speakers for line in chosen)
        assert len(kinds) == num_speakers
        assert max(kinds.values()) < 1.3 * count / num_speakers, (count, kinds)
    assert evenly_spread(lines, 6000) == lines


def test_another_seed_or_number_is_another_mixture(corpus):
    first, other = online(corpus), online(corpus, seed=4)
    plans = [dataset[number].plan for dataset in (first, other) for number in range(3)]
    assert len({(plan.target, plan.interferers) for plan in plans}) == 6


def test_the_speaker_is_its_place_among_the_training_speakers(corpus):
    dataset = online(corpus)
    for number in range(20):
        example = dataset[number]
        assert dataset.planner.speakers[example.speaker] == example.plan.target.speaker


@pytest.mark.parametrize("seconds", [1.0, None])
def test_sources_are_the_clips_of_their_plan(corpus, seconds):
    # A crop of one source that begins elsewhere than planned would be the published misalignment.
    dataset = online(corpus, mixture_seconds=seconds, num_interferers=2)
    for number in range(10):
        example = dataset[number]
        for source, samples in zip(example.plan.sources, example.sources, strict=True):
            assert len(samples) == example.plan.num_samples
            clip, offset = source.clip, source.offset
            if clip.sample_rate != 8000:
                continue
            whole, _ = soundfile.read(clip.path, dtype="float32")
            spoken = whole[clip.start : clip.start + clip.num_samples]
            assert np.array_equal(samples[offset : offset + len(spoken)], spoken)
            assert not samples[:offset].any()
            assert not samples[offset + len(spoken) :].any()


def test_speed_changes_a_target_and_its_enrollment_alike(tmp_path):
    tone = np.sin(2 * np.pi * 500 * np.arange(16000) / 8000)
    soundfile.write(tmp_path / "tone.wav", tone, 8000)

    def clip(start):
        return Clip(str(tmp_path / "tone.wav"), start, 8000, 8000)

    target = SourcePlan("t", clip(0), speed=1.1)
    plan = MixturePlan("m", 8000, 8000, target, (), EnrollmentPlan(clip(8000), speed=1.1))
    example = read_ingredients(plan, AudioStore(8000))
    num_samples = math.ceil(8000 / 1.1)
    assert len(example.enrollment.samples) == num_samples
    assert not example.sources[0][num_samples:].any()
    for samples in (example.enrollment.samples, example.sources[0]):
        spectrum = np.abs(np.fft.rfft(samples, 8000))
        assert spectrum.argmax() == 550  # Hz


def quiet_then_loud(folder, name, speaker):
    """An utterance of 2 s whose first 1.5 s are digital silence."""
    samples = np.zeros(16000)
    samples[12000:] = 0.1 * np.random.default_rng(len(name)).standard_normal(4000)
    soundfile.write(folder / f"{name}.flac", samples, 8000)
    return Utterance(name, speaker, str(folder / f"{name}.flac"), len(samples), 8000)


def test_a_silent_crop_is_drawn_anew_and_all_sources_with_it(corpus, tmp_path):
    quiet = [quiet_then_loud(tmp_path, f"{'q' * n}", "q") for n in (1, 2)]
    speech = [u for u in corpus.utterances if u.speaker == "a"]
    dataset = online(corpus, [*quiet, *speech], mixture_seconds=0.5, enrollment_seconds=0.5)
    first_plans = [
        dataset.planner.draw(np.random.default_rng([3, n, 0]), mixture_id=str(n)) for n in range(30)
    ]
    examples = [dataset[number] for number in range(30)]
    assert all(example.sources[0].any() for example in examples)
    assert all(example.enrollment.samples.any() for example in examples)
    redrawn = [
        example.plan
        for example, plan in zip(examples, first_plans, strict=True)
        if example.plan != plan
    ]
    assert redrawn
    batch = render(collate(examples))
    assert (batch.mixture - batch.target - batch.interference).abs().max() < 1e-6


def test_nothing_but_silence_is_an_error(corpus, tmp_path):
    soundfile.write(tmp_path / "zeros.flac", np.zeros(16000), 8000)
    silent = [
        Utterance(f"{s}{n}", s, str(tmp_path / "zeros.flac"), 16000, 8000)
        for s in "xy"
        for n in range(2)
    ]
    with pytest.raises(
        AudioError, match=r"example 5: 20 drawn .* or were silent\. Check train/utterances\.jsonl"
    ):
        online(corpus, silent)[5]


def test_a_broken_file_is_skipped_with_one_warning_that_names_it(corpus, tmp_path):
    broken = replace(corpus.utterances[0], path=str(tmp_path / "gone.flac"))
    utterances = [broken, *corpus.utterances[1:]]
    dataset = online(corpus, utterances)
    with pytest.warns(UserWarning, match=r"skipped: .*gone\.flac: there is no such file") as caught:
        examples = [dataset[number] for number in range(40)]
    assert len(caught) == 1
    assert dataset.broken.num_broken > 1
    assert all("gone" not in repr(example.plan) for example in examples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = online(corpus, utterances)
        assert [again[number].plan for number in range(40)] == [e.plan for e in examples]


def test_too_many_broken_files_stop_the_training(corpus, tmp_path):
    broken = [
        replace(u, path=str(tmp_path / "gone.flac")) if u.speaker == "a" else u
        for u in corpus.utterances
    ]
    dataset = online(corpus, broken)
    message = (
        r"train/utterances\.jsonl: \d+ of \d+ examples could not be read, more than 5%\. "
        r"The last: .*gone\.flac: there is no such file"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(AudioError, match=message):
            [dataset[number] for number in range(200)]
    assert dataset.broken.num_reads >= 100


def test_fixed_mixtures_are_the_same_every_time(corpus, tmp_path):
    write_plans(tmp_path / "mixtures.jsonl", corpus.draw(6, **EVERYTHING))
    heard = []
    for _ in range(2):
        mixtures = FixedMixtures(read_plans(tmp_path / "mixtures.jsonl"), AudioStore(8000))
        assert len(mixtures) == 6
        heard.append(render(collate([mixtures[number] for number in range(6)])))
    assert are_equal(*heard)
    assert are_equal(heard[0], render(collate([mixtures[number] for number in range(6)])))


def test_a_broken_file_among_fixed_mixtures_is_an_error(corpus, tmp_path):
    (plan,) = corpus.draw(1)
    clip = replace(plan.enrollment.clip, path=str(tmp_path / "gone.flac"))
    broken = replace(plan, enrollment=replace(plan.enrollment, clip=clip))
    with pytest.raises(AudioError, match=r"gone\.flac: there is no such file"):
        FixedMixtures([broken], AudioStore(8000))[0]


def test_fixed_mixtures_of_another_sample_rate_are_an_error(corpus):
    message = (
        r"mixture '0': planned at 8000 Hz, but audio is read at 16000 Hz\. Prepare the mixtures"
    )
    with pytest.raises(SampleRateError, match=message):
        FixedMixtures(corpus.draw(1), AudioStore(16000))[0]
