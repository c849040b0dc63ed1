"""Mixtures on disk: their manifest, what is drawn of them, and how they sound."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from torch.utils.data import DataLoader

from wesep_like.data.corpora import prepare
from wesep_like.data.dataset import BatchNumbers, FixedMixtures, OnlineMixtures
from wesep_like.data.json_lines import write_json_lines
from wesep_like.data.manifest import Utterance
from wesep_like.data.premixed import PremixedMixture, PremixedSource, read_premixed
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.draw import PremixedPlanner
from wesep_like.data.simulation.plans import read_plans
from wesep_like.data.simulation.premixed import PremixedOptions
from wesep_like.data.simulation.render import render
from wesep_like.data.store import AudioStore
from wesep_like.errors import ConfigError, ManifestError

RATE = 8000


@pytest.fixture
def data(wesep_lists, tmp_path):
    """The data folder of four mixtures: 8000, 7500, 7000 and 6500 samples."""
    prepare("kaldi", wesep_lists, tmp_path / "data")
    return tmp_path / "data"


def planner(data, rate=RATE, **options):
    options = {"mixture_seconds": 0.5, "enrollment_seconds": 0.3, **options}
    return PremixedPlanner.from_manifests(
        PremixedOptions(str(data / "premixed.jsonl"), **options), rate
    )


def draw(planner, num):
    return [planner.draw(np.random.default_rng([5, n]), mixture_id=str(n)) for n in range(num)]


def online(data, rate=RATE, **options):
    return OnlineMixtures(planner(data, rate, **options), AudioStore(rate), seed=3)


def samples_of(clip):
    whole, _ = soundfile.read(clip.path, dtype="float32")
    return whole[clip.start : clip.start + clip.num_samples]


@pytest.mark.parametrize(("seconds", "rate"), [(0.5, RATE), (None, RATE), (0.5, 12000), (9, RATE)])
def test_mixture_and_target_are_cut_at_one_place(data, seconds, rate):
    dataset = online(data, rate, mixture_seconds=seconds)
    examples = [dataset[number] for number in range(20)]
    batch = render(collate(examples))
    assert (batch.mixture - batch.target - batch.interference).abs().max() < 1e-6
    assert not batch.noise.any()
    for i, example in enumerate(examples):
        plan = example.plan
        length = plan.num_samples
        if seconds == 0.5:
            assert length == round(0.5 * rate)
        assert not batch.mixture[i, length:].any()
        if rate != RATE:
            continue
        # Levels are as recorded, and what is not the target is the other source.
        (other,) = plan.interferers
        for signal, clip in (
            (batch.mixture, plan.mixture),
            (batch.target, plan.target.clip),
            (batch.interference, other.clip),
        ):
            assert np.array_equal(signal[i, :length].numpy(), samples_of(clip))
    assert len({example.plan.mixture.start for example in examples}) > 5 or seconds != 0.5


def test_every_speaker_of_every_mixture_is_the_target_with_other_speech_as_enrollment(data):
    utterances = {
        source.path: source
        for mixture in read_premixed(data / "premixed.jsonl")
        for source in mixture.sources
    }
    plans = draw(planner(data), 200)
    assert {plan.target.clip.path for plan in plans} == set(utterances)
    for plan in plans:
        target, enrollment = (
            utterances[clip.path] for clip in (plan.target.clip, plan.enrollment.clip)
        )
        assert target.speaker == enrollment.speaker == plan.target.speaker
        # The utterance in two mixtures does not enroll for itself either.
        assert target.utterance != enrollment.utterance
        assert plan.enrollment.clip.num_samples == round(0.3 * RATE)
    assert planner(data).speakers == ["1", "2", "3"]


def test_enrollments_may_be_others_and_short_ones_are_left_where_there_are_longer(data, tmp_path):
    utterances = [
        Utterance(f"new-{speaker}-{seconds}", speaker, "x.wav", round(seconds * RATE), RATE)
        for speaker in "12"
        for seconds in (0.1, 1.0)
    ]
    write_json_lines(tmp_path / "others.jsonl", utterances)
    drawn = draw(
        planner(data, enrollments=str(tmp_path / "others.jsonl"), min_enrollment_seconds=0.5), 50
    )
    assert {plan.target.speaker for plan in drawn} == {"1", "2"}  # nothing enrolls speaker 3
    assert {plan.enrollment.clip.path for plan in drawn} == {str(tmp_path / "x.wav")}
    assert {plan.enrollment.clip.num_samples for plan in drawn} == {2400}
    assert len({plan.enrollment.clip.start for plan in drawn}) > 10


def test_the_length_of_the_enrollment_changes_nothing_else(data):
    short, long = (draw(planner(data, enrollment_seconds=s), 20) for s in (0.1, None))
    for one, other in zip(short, long, strict=True):
        assert replace(one, enrollment=other.enrollment) == other


def batches(data, num_workers):
    loader = DataLoader(
        online(data), batch_sampler=BatchNumbers(3), num_workers=num_workers, collate_fn=collate
    )
    return [render(clips) for clips in itertools.islice(loader, 4)]


# Python warns of forking a process with threads; torch's have nothing to do here.
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_batches_are_the_same_whatever_the_number_of_workers(data):
    for one, other in zip(batches(data, 0), batches(data, 2), strict=True):
        assert one.ids == other.ids
        for name in ("mixture", "target", "enrollment", "speakers"):
            assert torch.equal(getattr(one, name), getattr(other, name))


def test_a_stretch_in_which_the_target_is_silent_is_drawn_anew(data):
    # The published pipeline draws such a stretch anew for one signal and not for the others.
    for mixture in read_premixed(data / "premixed.jsonl"):
        first, second = (
            soundfile.read(source.path, dtype="int16")[0] for source in mixture.sources
        )
        first[: len(first) * 2 // 3] = 0
        soundfile.write(mixture.sources[0].path, first, RATE)
        soundfile.write(mixture.path, first + second, RATE)
    dataset = online(data, mixture_seconds=0.2)
    first_plans = [
        dataset.planner.draw(np.random.default_rng([3, n, 0]), mixture_id=str(n)) for n in range(30)
    ]
    examples = [dataset[number] for number in range(30)]
    assert any(e.plan != plan for e, plan in zip(examples, first_plans, strict=True))
    assert all(example.sources[0].any() for example in examples)
    batch = render(collate(examples))
    for i, example in enumerate(examples):
        (other,) = example.plan.interferers
        assert np.array_equal(batch.interference[i].numpy(), samples_of(other.clip))


def test_fixed_mixtures_sound_as_recorded(data):
    plans = read_plans(data / "mixtures.jsonl")
    mixtures = FixedMixtures(plans, AudioStore(RATE))
    for number, plan in enumerate(plans):
        batch = render(collate([mixtures[number]]))
        assert np.array_equal(batch.mixture[0].numpy(), samples_of(plan.mixture))
        assert np.array_equal(batch.target[0].numpy(), samples_of(plan.target.clip))
        assert torch.equal(batch.mixture, batch.target + batch.interference)


def test_recorded_and_simulated_mixtures_in_one_batch(data):
    (recorded, *_) = read_plans(data / "mixtures.jsonl")
    interferers = (replace(recorded.interferers[0], sir_db=3.0),)
    simulated = replace(recorded, mixture=None, interferers=interferers)
    mixtures = FixedMixtures([recorded, simulated], AudioStore(RATE))
    batch = render(collate([mixtures[0], mixtures[1]]))
    assert np.array_equal(batch.mixture[0].numpy(), samples_of(recorded.mixture))
    powers = batch.target[1].square().sum() / batch.interference[1].square().sum()
    assert 10 * powers.log10() == pytest.approx(3.0, abs=1e-3)


def test_of_a_recorded_mixture_without_its_target_all_is_interference(data):
    (recorded, *_) = read_plans(data / "mixtures.jsonl")
    absent = replace(recorded, has_target=False)
    batch = render(collate([FixedMixtures([absent], AudioStore(RATE))[0]]))
    assert not batch.target.any()
    assert np.array_equal(batch.mixture[0].numpy(), samples_of(recorded.mixture))
    assert torch.equal(batch.interference, batch.mixture)


def mixture(**changes):
    sources = (PremixedSource("a", "a1", "s1.wav"), PremixedSource("b", "b1", "s2.wav"))
    return replace(PremixedMixture("m", "m.wav", 800, RATE, sources), **changes)


def test_a_record_is_read_as_it_was_written_with_paths_from_its_folder(tmp_path):
    write_json_lines(tmp_path / "premixed.jsonl", [mixture()])
    (read,) = read_premixed(tmp_path / "premixed.jsonl")
    assert read == mixture().with_paths(lambda path: str(tmp_path / path))
    assert read.sources[1].path == str(tmp_path / "s2.wav")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"num_samples": 800',
            '"num_samples": 0',
            "expected num_samples > 0 and sample_rate > 0, ",
        ),
        ('"speaker": "b"', '"speaker": "a"', "speaker 'a' is in it twice"),
        ('"speaker": "b"', '"speker": "b"', r"no field is called 'sources\[1\]\.speker' \(did you"),
    ],
)
def test_a_bad_record_is_told_with_its_line(tmp_path, old, new, message):
    path = tmp_path / "premixed.jsonl"
    write_json_lines(path, [mixture()])
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ManifestError, match=rf"premixed\.jsonl:1: {message}"):
        read_premixed(path)


def test_a_mixture_of_nobody():
    with pytest.raises(ValueError, match="sources: expected at least one, got none"):
        mixture(sources=())


def test_nobody_can_be_enrolled():
    options = PremixedOptions("train/premixed.jsonl")
    with pytest.raises(
        ManifestError, match=r"train/premixed\.jsonl: no speaker in it has an utter"
    ):
        PremixedPlanner([mixture()], [mixture().utterance(0)], options, RATE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mixture_seconds": 0.0}, "mixture_seconds: expected more than 0 seconds, got 0.0"),
        ({"enrollment_seconds": -1.0}, "enrollment_seconds: expected more than 0 seconds, got -1"),
        ({"min_enrollment_seconds": -1.0}, "min_enrollment_seconds: expected 0 seconds or more"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ConfigError, match=message):
        PremixedOptions("m.jsonl", **options)
