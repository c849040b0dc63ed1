from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.render import render

EVERYTHING = {
    "num_interferers": (0, 2),
    "noise_probability": 0.5,
    "room_probability": 0.5,
    "speed_probability": 0.5,
}
SIGNALS = ("mixture", "target", "interference", "noise", "enrollment")


def mixed(corpus, num, **options):
    plans = corpus.draw(num, **options)
    return plans, render(collate(corpus.read(plans)))


def level_difference_db(one, other):
    return 10 * torch.log10(one.square().sum(-1) / other.square().sum(-1))


@pytest.mark.parametrize("seconds", [1.0, None])
@pytest.mark.parametrize("target_kind", ["dry", "reverberant"])
def test_a_mixture_is_the_sum_of_its_parts(corpus, seconds, target_kind):
    # A target that mixing has changed, as when files are scaled in place, would not add up.
    room_probability = 0.5 if target_kind == "reverberant" else 0.0
    options = {**EVERYTHING, "room_probability": room_probability, "target_kind": target_kind}
    _, batch = mixed(corpus, 40, mixture_seconds=seconds, **options)
    rest = batch.mixture - batch.target - batch.interference - batch.noise
    assert rest.abs().max() < 1e-6
    assert batch.mixture.abs().amax(-1).min() > 0.01


def test_levels_are_as_planned(corpus):
    plans, batch = mixed(
        corpus,
        20,
        noise_probability=1.0,
        room_probability=0.5,
        target_kind="reverberant",
        level_range_db=(-40.0, -30.0),
    )
    sir_db = torch.tensor([plan.interferers[0].sir_db for plan in plans])
    snr_db = torch.tensor([plan.noise.snr_db for plan in plans])
    level_db = torch.tensor([plan.level_db for plan in plans])
    torch.testing.assert_close(
        level_difference_db(batch.target, batch.interference), sir_db, atol=1e-3, rtol=0
    )
    torch.testing.assert_close(
        level_difference_db(batch.target, batch.noise), snr_db, atol=1e-3, rtol=0
    )
    torch.testing.assert_close(
        10 * torch.log10(batch.mixture.square().mean(-1)), level_db, atol=1e-3, rtol=0
    )


def test_a_mixture_never_clips(corpus):
    _, loud = mixed(corpus, 8, level_range_db=(0.0, 0.0))
    torch.testing.assert_close(loud.mixture.abs().amax(-1), torch.full((8,), 0.99))
    rest = loud.mixture - loud.target - loud.interference
    assert rest.abs().max() < 1e-6


def test_a_target_without_a_level_stays_as_it_was_recorded(corpus):
    plans = corpus.draw(8, level_range_db=None, sir_range_db=(5.0, 5.0))
    examples = corpus.read(plans)
    batch = render(collate(examples))
    sources = torch.from_numpy(np.stack([example.sources[0] for example in examples]))
    torch.testing.assert_close(batch.target, sources)


def test_rendering_changes_nothing_that_it_reads(corpus):
    examples = corpus.read(corpus.draw(10, **EVERYTHING))
    before = [[a.copy() for a in (*e.sources, e.enrollment.samples)] for e in examples]
    clips = collate(examples)
    tensors = {f.name: getattr(clips, f.name) for f in fields(clips)}
    copies = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in tensors.items()}
    first, again = render(clips), render(clips)
    for name in SIGNALS:
        assert torch.equal(getattr(first, name), getattr(again, name))
    for name, copy in copies.items():
        if isinstance(copy, torch.Tensor):
            torch.testing.assert_close(tensors[name], copy, rtol=0, atol=0, equal_nan=True)
    for example, arrays in zip(examples, before, strict=True):
        now = (*example.sources, example.enrollment.samples)
        assert all(np.array_equal(a, b) for a, b in zip(now, arrays, strict=True))


@pytest.mark.parametrize("seconds", [1.0, None])
def test_an_example_does_not_depend_on_its_batch(corpus, seconds):
    plans, batch = mixed(corpus, 12, mixture_seconds=seconds, target_kind="early", **EVERYTHING)
    assert len({plan.target.response is None for plan in plans}) == 2
    for row, plan in enumerate(plans):
        alone = render(collate(corpus.read([plan])))
        for name in SIGNALS:
            is_enrollment = name == "enrollment"
            lengths = batch.enrollment_samples if is_enrollment else batch.mixture_samples
            signal, one = getattr(batch, name)[row], getattr(alone, name)[0]
            assert one.shape == (lengths[row],)
            torch.testing.assert_close(signal[: lengths[row]], one, atol=1e-6, rtol=0)
            assert not signal[lengths[row] :].any()


def test_enrollments_are_padded_and_never_cut(corpus):
    plans = corpus.draw(12, enrollment_seconds=None)
    examples = corpus.read(plans)
    clips = collate(examples)
    lengths = [len(example.enrollment.samples) for example in examples]
    assert len(set(lengths)) > 2
    assert clips.enrollments.num_samples.tolist() == lengths
    assert clips.enrollments.samples.shape == (12, max(lengths))
    for row, example in enumerate(examples):
        assert np.array_equal(
            clips.enrollments.samples[row, : lengths[row]], example.enrollment.samples
        )
        assert not clips.enrollments.samples[row, lengths[row] :].any()


@pytest.mark.parametrize(
    ("target_kind", "num_kept"), [("dry", 1), ("early", 401), ("reverberant", None)]
)
def test_a_target_in_a_room_is_where_it_was_spoken(corpus, target_kind, num_kept):
    # Neither the delay of the room nor another crop may come between a mixture and its target.
    plans = corpus.draw(
        6, room_probability=1.0, target_kind=target_kind, num_interferers=0, level_range_db=None
    )
    examples = corpus.read(plans)
    batch = render(collate(examples))
    for row, example in enumerate(examples):
        taps = example.responses[0].taps
        heard = taps[np.abs(taps).argmax() :].astype(np.float64)
        dry = example.sources[0].astype(np.float64)
        mixture = np.convolve(dry, heard)[: len(dry)]
        target = np.convolve(dry, heard[:num_kept])[: len(dry)]
        np.testing.assert_allclose(batch.mixture[row], mixture, atol=1e-5)
        np.testing.assert_allclose(batch.target[row], target, atol=1e-5)


def test_a_source_without_a_room_beside_one_in_a_room_is_heard(corpus):
    (plan,) = corpus.draw(1, room_probability=1.0, level_range_db=None, sir_range_db=(9.0, 9.0))
    dry = replace(plan.interferers[0], response=None)
    (example,) = corpus.read([replace(plan, interferers=(dry,))])
    batch = render(collate([example]))
    spoken = torch.from_numpy(example.sources[1])
    likeness = torch.cosine_similarity(batch.interference[0], spoken, dim=0)
    assert likeness.item() == pytest.approx(1, abs=1e-5)


def test_silence_gives_no_nan(corpus):
    plans = corpus.draw(3, noise_probability=1.0, sir_range_db=(5.0, 5.0))
    examples = corpus.read(plans)
    silence = np.zeros_like(examples[0].sources[0])
    examples = [
        replace(examples[0], sources=(examples[0].sources[0], silence), noise=silence),
        replace(examples[1], sources=(silence, examples[1].sources[1])),
        replace(examples[2], sources=(silence, silence), noise=silence),
    ]
    batch = render(collate(examples))
    for name in SIGNALS:
        assert getattr(batch, name).isfinite().all()
    torch.testing.assert_close(batch.mixture[0], batch.target[0])
    assert batch.mixture[0].any()
    assert not batch.mixture[1:].any()


def test_names_go_along(corpus):
    plans = corpus.draw(4)
    clips = collate(corpus.read(plans)).to("cpu")
    batch = render(clips).to("cpu")
    assert batch.ids == [plan.id for plan in plans] == ["0", "1", "2", "3"]
    assert batch.enrollment_keys == [plan.enrollment.key for plan in plans]
    assert batch.speakers.tolist() == [-1] * 4
