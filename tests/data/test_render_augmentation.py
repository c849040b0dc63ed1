"""Mixtures and enrollments with all that is done to them."""

import itertools
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from wesep_like.data.dataset import BatchNumbers, FixedMixtures, OnlineMixtures
from wesep_like.data.simulation.augmentation.options import (
    AugmentationOptions,
    BandLimitOptions,
    ClippingOptions,
    CodecOptions,
    EnrollmentAugmentationOptions,
    EnrollmentNoiseOptions,
    EnrollmentRoomOptions,
    EqualizerOptions,
    GainOptions,
    SpecAugmentOptions,
)
from wesep_like.data.simulation.augmentation.plans import BandPlan, EffectsPlan
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.plans import NoisePlan, read_plans, write_plans
from wesep_like.data.simulation.render import render
from wesep_like.data.simulation.room_options import SimulatedRoomOptions
from wesep_like.data.store import AudioStore

SIGNALS = ("mixture", "target", "interference", "noise", "enrollment")
EFFECTS = {
    "equalizer": EqualizerOptions(0.5),
    "band_limit": BandLimitOptions(0.5, ((300.0, 3400.0), (0.0, 2000.0))),
    "gain": GainOptions(0.5),
    "clipping": ClippingOptions(0.5),
}
EVERYTHING = {
    "num_interferers": (0, 2),
    "noise_probability": 0.5,
    "room_probability": 0.5,
    "speed_probability": 0.5,
    "enrollment_seconds": (0.5, 0.8),
    "augmentation": AugmentationOptions(**EFFECTS),
    "enrollment_augmentation": EnrollmentAugmentationOptions(
        **EFFECTS,
        room=EnrollmentRoomOptions(0.5),
        noise=EnrollmentNoiseOptions(0.5),
        spec_augment=SpecAugmentOptions(0.5),
    ),
}
# Its steps make a jump of the last bit, so it stands apart where batches of other sizes compare.
WITH_CODEC = {
    **EVERYTHING,
    "augmentation": AugmentationOptions(**EFFECTS, codec=CodecOptions(0.5)),
}


def mixed(corpus, num, **options):
    plans = corpus.draw(num, **options)
    return plans, render(collate(corpus.read(plans)))


def tensors_of(holder, name=""):
    """Every tensor in a dataclass, by its path."""
    for field in fields(holder):
        value = getattr(holder, field.name)
        if isinstance(value, torch.Tensor):
            yield f"{name}.{field.name}", value
        elif is_dataclass(value):
            yield from tensors_of(value, f"{name}.{field.name}")


@pytest.mark.parametrize("seconds", [1.0, None])
@pytest.mark.parametrize("target_kind", ["dry", "reverberant"])
def test_a_mixture_is_still_the_sum_of_its_parts(corpus, seconds, target_kind):
    # A dry target is less than what is in the mixture where there is a room.
    room_probability = 0.5 if target_kind == "reverberant" else 0.0
    options = {**WITH_CODEC, "room_probability": room_probability, "target_kind": target_kind}
    _, batch = mixed(corpus, 40, mixture_seconds=seconds, **options)
    rest = batch.mixture - batch.target - batch.interference - batch.noise
    assert rest.abs().max() < 1e-6
    assert all(tensor.isfinite().all() for _, tensor in tensors_of(batch))
    assert batch.enrollment_masks is not None


def test_the_target_has_the_effects_of_its_voice(corpus):
    (plan,) = corpus.draw(1, num_interferers=0, level_range_db=None)
    effects = EffectsPlan(band_limit=BandPlan(300.0, 2000.0))
    plan = replace(plan, target=replace(plan.target, effects=effects))
    batch = render(collate(corpus.read([plan])))
    assert torch.equal(batch.target, batch.mixture)
    power = torch.fft.rfft(batch.target[0] * torch.hann_window(8000)).abs().square()  # by 1 Hz
    assert power[2060:].sum() + power[:240].sum() < 1e-6 * power.sum()


def test_levels_are_still_as_planned(corpus):
    options = {**WITH_CODEC, "num_interferers": 1, "noise_probability": 1.0}
    plans, batch = mixed(corpus, 30, target_kind="reverberant", **options)

    def over(signal):
        return 10 * torch.log10(batch.target.square().sum(-1) / signal.square().sum(-1))

    sir_db = torch.tensor([plan.interferers[0].sir_db for plan in plans])
    snr_db = torch.tensor([plan.noise.snr_db for plan in plans])
    torch.testing.assert_close(over(batch.interference), sir_db, atol=0.01, rtol=0)
    torch.testing.assert_close(over(batch.noise), snr_db, atol=0.01, rtol=0)


@pytest.mark.parametrize("room_probability", [0.0, 1.0])
def test_the_noise_of_an_enrollment_is_as_loud_as_planned(corpus, room_probability):
    room = EnrollmentRoomOptions(room_probability)
    noisy = EnrollmentAugmentationOptions(noise=EnrollmentNoiseOptions(1.0), room=room)
    plans = corpus.draw(20, enrollment_seconds=(0.5, 0.8), enrollment_augmentation=noisy)
    quiet = [replace(p, enrollment=replace(p.enrollment, noise=None)) for p in plans]
    noisy_batch = render(collate(corpus.read(plans)))
    voices = render(collate(corpus.read(quiet))).enrollment
    for row, plan in enumerate(plans):
        # Noise and voice are uncorrelated enough to tell the voice's gain by projection.
        voice, heard = voices[row].double(), noisy_batch.enrollment[row].double()
        snr_db = plan.enrollment.noise.snr_db
        noise = corpus.read([plan])[0].enrollment.noise.astype(np.float64)
        noise = torch.nn.functional.pad(torch.from_numpy(noise), (0, len(voice) - len(noise)))
        gains = torch.linalg.lstsq(torch.stack([voice, noise], 1), heard[:, None]).solution
        parts = gains[:, 0, None] * torch.stack([voice, noise])
        torch.testing.assert_close(parts.sum(0), heard, atol=1e-5, rtol=0)
        power = parts.square().sum(-1)
        assert (10 * torch.log10(power[0] / power[1])).item() == pytest.approx(snr_db, abs=0.1)


def test_an_enrollment_in_a_room_is_convolved_with_its_response(corpus):
    section = EnrollmentAugmentationOptions(room=EnrollmentRoomOptions(1.0))
    plans = corpus.draw(5, enrollment_augmentation=section)
    examples = corpus.read(plans)
    batch = render(collate(examples))
    for row, example in enumerate(examples):
        dry = example.enrollment.samples.astype(np.float64)
        response = example.enrollment.response
        heard = np.convolve(dry, response.taps[response.direct :])[: len(dry)]
        heard *= np.sqrt(np.square(dry).sum() / np.square(heard).sum())
        np.testing.assert_allclose(batch.enrollment[row, : len(dry)], heard, atol=1e-5)


@pytest.mark.parametrize("kind", ["random", "image"])
def test_an_enrollment_may_be_in_a_simulated_room(corpus, kind):
    rooms = SimulatedRoomOptions(kind, rt60_range_seconds=(0.2, 0.3))
    section = EnrollmentAugmentationOptions(room=EnrollmentRoomOptions(0.7))
    options = {"simulated_rooms": rooms, "enrollment_augmentation": section}
    plans = corpus.draw(8, **options)
    simulated = [plan.enrollment.room is not None for plan in plans]
    # The corpus has measured rooms too.
    assert any(simulated)
    assert any(plan.enrollment.response is not None for plan in plans)
    assert all(plan.room is None for plan in plans)
    clips = collate(corpus.read(plans))
    heard = render(clips).enrollment
    for row, plan in enumerate(plans):
        dry, wet = clips.enrollments.samples[row], heard[row]
        length = clips.enrollments.num_samples[row]
        alone = render(collate(corpus.read([plan]))).enrollment[0]
        torch.testing.assert_close(wet[:length], alone, atol=2e-6, rtol=0)
        assert not wet[length:].any()
        if simulated[row]:
            assert not torch.allclose(wet, dry, atol=1e-3)
            # The direct path stays where it was.
            size = 2 * len(dry)
            cross = torch.fft.irfft(torch.fft.rfft(wet, size) * torch.fft.rfft(dry, size).conj())
            assert cross.abs().argmax() == 0


def test_enrollments_stay_as_loud_as_they_were_recorded(corpus):
    plans, batch = mixed(corpus, 20, **WITH_CODEC)
    before = collate(corpus.read(plans)).enrollments.samples
    assert any(plan.enrollment.noise for plan in plans)
    torch.testing.assert_close(batch.enrollment.square().sum(-1), before.square().sum(-1))
    for row, plan in enumerate(plans):
        plan = plan.enrollment
        is_changed = any((plan.noise, plan.response, plan.effects))
        assert torch.equal(batch.enrollment[row], before[row]) == (not is_changed)


def test_a_silent_noise_is_left_out(corpus):
    (plan,) = corpus.draw(1)
    noisy = replace(plan.enrollment, noise=NoisePlan(corpus.draw(1)[0].enrollment.clip, 5.0))
    (example,) = corpus.read([replace(plan, enrollment=noisy)])
    silent = replace(example.enrollment, noise=np.zeros_like(example.enrollment.noise))
    batch = render(collate([replace(example, enrollment=silent)]))
    assert np.array_equal(batch.enrollment[0], silent.samples)


def test_rendering_changes_nothing_that_it_reads(corpus):
    clips = collate(corpus.read(corpus.draw(10, **WITH_CODEC)))
    copies = {name: tensor.clone() for name, tensor in tensors_of(clips)}
    assert any(name.startswith(".effects.filters") for name in copies)
    assert any(name.startswith(".enrollments.changes.noises") for name in copies)
    first, again = render(clips), render(clips.to("cpu"))
    for (_, one), (_, other) in zip(tensors_of(first), tensors_of(again), strict=True):
        assert torch.equal(one, other)
    for name, tensor in tensors_of(clips):
        torch.testing.assert_close(tensor, copies[name], rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("seconds", [1.0, None])
def test_an_example_does_not_depend_on_its_batch(corpus, seconds):
    options = {**EVERYTHING, "mixture_seconds": seconds, "target_kind": "early"}
    plans, batch = mixed(corpus, 12, **options)
    for row, plan in enumerate(plans):
        alone = render(collate(corpus.read([plan])))
        for name in SIGNALS:
            is_enrollment = name == "enrollment"
            lengths = batch.enrollment_samples if is_enrollment else batch.mixture_samples
            signal, one = getattr(batch, name)[row], getattr(alone, name)[0]
            torch.testing.assert_close(signal[: lengths[row]], one, atol=2e-6, rtol=0)
            assert not signal[lengths[row] :].any()
        features = torch.randn(1, 20, 50)
        masked = batch.enrollment_masks.rows([row]).laid_over(features)
        if alone.enrollment_masks is not None:
            assert torch.equal(masked, alone.enrollment_masks.laid_over(features))
        else:
            assert torch.equal(masked, features)


def are_equal(one, other):
    pairs = itertools.zip_longest(tensors_of(one), tensors_of(other))
    return one.enrollment_keys == other.enrollment_keys and all(
        a[0] == b[0] and torch.equal(a[1], b[1]) for a, b in pairs
    )


# Python warns of forking a process with threads; torch's have nothing to do here.
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_batches_are_the_same_whatever_the_number_of_workers_and_after_a_resume(corpus):
    dataset = OnlineMixtures(corpus.planner(**WITH_CODEC), AudioStore(8000), seed=3)

    def batches(first, num, num_workers=0):
        numbers = BatchNumbers(3, first_batch=first)
        loader = DataLoader(
            dataset, batch_sampler=numbers, num_workers=num_workers, collate_fn=collate
        )
        return [render(clips) for clips in itertools.islice(loader, num)]

    alone = batches(0, 4)
    assert all(map(are_equal, alone, batches(0, 4, num_workers=2)))
    assert all(map(are_equal, alone[2:], batches(2, 2)))


def test_fixed_mixtures_keep_their_augmentation(corpus, tmp_path):
    plans = corpus.draw(6, **WITH_CODEC)
    write_plans(tmp_path / "mixtures.jsonl", plans)
    fixed = FixedMixtures(read_plans(tmp_path / "mixtures.jsonl"), AudioStore(8000))
    batch = render(collate([fixed[number] for number in range(6)]))
    assert are_equal(batch, render(collate(corpus.read(plans))))


@pytest.mark.slow  # PyTorch imports much when the first tensor is meta
def test_all_of_it_runs_on_the_device_that_the_clips_are_on(corpus):
    # A tensor that was left on the CPU does not go together with the others.
    batch = render(collate(corpus.read(corpus.draw(10, **WITH_CODEC))).to("meta"))
    assert {tensor.device.type for _, tensor in tensors_of(batch)} == {"meta"}
    features = torch.empty(10, 8, 9, device="meta")
    assert batch.enrollment_masks.laid_over(features).shape == (10, 8, 9)
