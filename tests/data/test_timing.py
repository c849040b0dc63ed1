"""When each voice is heard."""

import numpy as np
import pytest

from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.options import SimulationOptions
from wesep_like.data.simulation.render import render
from wesep_like.errors import ConfigError


def spans(corpus, plan):
    """(begin, end) of each source in the mixture; clips at other rates are resampled."""
    for source in plan.sources:
        clip = source.clip
        length = clip.num_samples * plan.sample_rate / (clip.sample_rate * source.speed)
        yield source.offset, source.offset + length


def overlap(first, second):
    """What two spans share, as a share of the shorter one."""
    shared = min(first[1], second[1]) - max(first[0], second[0])
    return shared / min(first[1] - first[0], second[1] - second[0])


@pytest.mark.parametrize("seconds", [None, 1.0, 3.0])
@pytest.mark.parametrize("shares", [(0.0, 0.0), (0.3, 0.3), (1.0, 1.0)])
@pytest.mark.parametrize("num_interferers", [1, 3])
def test_voices_overlap_by_the_drawn_share(corpus, seconds, shares, num_interferers):
    plans = corpus.draw(
        40,
        mixture_seconds=seconds,
        mode="max" if seconds is None else "min",
        overlap_range=shares,
        num_interferers=num_interferers,
        speed_probability=0.5,
    )
    firsts = []
    for plan in plans:
        target, *others = spans(corpus, plan)
        for other in others:
            assert overlap(target, other) == pytest.approx(shares[0], abs=0.01)
            assert other[1] <= plan.num_samples + 2
            firsts.append(other[0] < target[0])
        assert target[1] <= plan.num_samples + 2
    if shares[0] < 1:
        assert 0.3 < np.mean(firsts) < 0.7


def test_any_share_between_two_is_drawn(corpus):
    plans = corpus.draw(200, mixture_seconds=3.0, overlap_range=(0.2, 0.8))
    shares = [overlap(*spans(corpus, plan)) for plan in plans]
    assert min(shares) == pytest.approx(0.2, abs=0.03)
    assert max(shares) == pytest.approx(0.8, abs=0.03)
    assert len({round(share, 2) for share in shares}) > 30


def test_room_is_used(corpus):
    # One after the other in one second: neither is cut to less than it must be.
    for plan in corpus.draw(50, mixture_seconds=1.0, overlap_range=(0.0, 0.0)):
        lengths = [end - begin for begin, end in spans(corpus, plan)]
        assert lengths[0] >= min(4000, plan.target.clip.num_samples) - 2 or lengths[0] >= 3190
        assert sum(lengths) >= 0.9 * 8000 or min(lengths) < 4000
        assert sum(lengths) <= 8002


def test_in_mode_max_everyone_is_heard_to_the_end(corpus):
    num_samples_of = {u.path: u.num_samples * 8000 // u.sample_rate for u in corpus.utterances}
    plans = corpus.draw(60, mixture_seconds=None, mode="max", num_interferers=2)
    for plan in plans:
        assert all(source.offset == 0 for source in plan.sources)
        assert plan.num_samples == max(
            round(s.clip.num_samples * 8000 / s.clip.sample_rate) for s in plan.sources
        )
        for source in plan.interferers:
            assert (
                source.clip.num_samples * 8000 // source.clip.sample_rate
                == (num_samples_of[source.clip.path])
            )
    later = corpus.draw(60, mixture_seconds=None, mode="max", overlap_range=(0.0, 0.5))
    for plan in later:
        ends = [end for _, end in spans(corpus, plan)]
        assert min(source.offset for source in plan.sources) == 0
        assert plan.num_samples == pytest.approx(max(ends), abs=2)


def test_shares_of_overlap_leave_all_else_as_it_was(corpus):
    options = {"noise_probability": 0.5, "room_probability": 0.5, "mixture_seconds": 1.0}
    plain = corpus.draw(40, **options)
    for plan, other in zip(corpus.draw(40, **options, overlap_range=(0, 1)), plain, strict=True):
        assert (plan.enrollment, plan.noise, plan.level_db) == (
            other.enrollment, other.noise, other.level_db
        )  # fmt: skip
        for one, two in zip(plan.sources, other.sources, strict=True):
            assert (one.clip.path, one.sir_db, one.response) == (
                two.clip.path, two.sir_db, two.response
            )  # fmt: skip


def test_a_voice_is_silent_outside_its_slot(corpus):
    plans = corpus.draw(10, mixture_seconds=1.0, overlap_range=(0.2, 0.2))
    batch = render(collate(corpus.read(plans)))
    for row, plan in enumerate(plans):
        for signal, (begin, end) in zip(
            (batch.target[row], batch.interference[row]), spans(corpus, plan), strict=True
        ):
            assert not signal[:begin].any()
            assert not signal[int(np.ceil(end)) + 1 :].any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overlap_range": (0.5, 1.2)}, r"overlap_range: expected 0 <= low <= high <= 1, got \[0"),
        ({"overlap_range": (0.5, 0.2)}, "overlap_range: expected 0 <= low <= high <= 1"),
        ({"mode": "max"}, "mode: 'max' is of whole utterances, but mixture_seconds is 3.0. Set th"),
        (
            {"mixture_seconds": None, "overlap_range": (0.0, 1.0)},
            "overlap_range: in mode 'min' all voices begin together. Set mode to 'max', or give",
        ),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(ConfigError, match=message):
        SimulationOptions("u.jsonl", **options)
