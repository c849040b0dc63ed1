"""Effects, rooms, noise and masks as they are drawn, and options that cannot be."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wesep_like.config.sections import read_section
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
from wesep_like.data.simulation.augmentation.plans import (
    EffectsPlan,
)
from wesep_like.data.simulation.draw import MixturePlanner
from wesep_like.data.simulation.draw.augmentation import draw_effects
from wesep_like.data.simulation.options import SimulationOptions
from wesep_like.data.simulation.plans import (
    EnrollmentPlan,
)
from wesep_like.errors import ConfigError, ManifestError

often = settings(max_examples=30, derandomize=True, database=None, deadline=None)
shares = st.floats(0, 1)


def ranges(low, high):
    return st.tuples(st.floats(low, high), st.floats(low, high)).map(lambda r: tuple(sorted(r)))


def effects_of(probability=1.0):
    return {
        "equalizer": EqualizerOptions(probability),
        "band_limit": BandLimitOptions(probability),
        "gain": GainOptions(probability),
        "clipping": ClippingOptions(probability),
        "codec": CodecOptions(probability),
    }


def all_on(probability=0.5):
    return {
        "augmentation": AugmentationOptions(**effects_of(probability)),
        "enrollment_augmentation": EnrollmentAugmentationOptions(
            **effects_of(probability),
            room=EnrollmentRoomOptions(probability),
            noise=EnrollmentNoiseOptions(probability),
            spec_augment=SpecAugmentOptions(probability, num_time_masks=2),
        ),
    }


@often
@given(
    seed=st.integers(0, 2**32),
    equalizer=st.builds(
        EqualizerOptions,
        st.just(1.0),
        ranges(-12, 12),
        st.tuples(st.integers(0, 2), st.integers(2, 4)),
        ranges(-20, 20),
        ranges(0.1, 4),
    ),
    gain=st.builds(GainOptions, st.just(1.0), ranges(0, 20), ranges(0.1, 20)),
    clipping=st.builds(ClippingOptions, st.just(1.0), ranges(0, 0.5)),
    rate=st.sampled_from([8000, 16000, 48000]),
)
def test_effects_are_drawn_from_their_ranges(seed, equalizer, gain, clipping, rate):
    options = AugmentationOptions(
        equalizer, BandLimitOptions(1.0), gain, clipping, CodecOptions(1.0, ("a_law",))
    )
    for plan in draw_effects(np.random.default_rng(seed), options, rate, 2):

        def lies_in(value, limits):
            return limits[0] <= value <= np.nextafter(limits[1], np.inf)

        assert lies_in(plan.equalizer.tilt_db, equalizer.tilt_range_db)
        assert lies_in(len(plan.equalizer.peaks), equalizer.num_bands)
        for peak in plan.equalizer.peaks:
            assert 100 <= peak.hz < 0.5 * rate
            assert lies_in(peak.gain_db, equalizer.gain_range_db)
            assert lies_in(peak.width_octaves, equalizer.width_range_octaves)
        assert (plan.band_limit.low_hz, plan.band_limit.high_hz) in options.band_limit.bands_hz
        assert lies_in(plan.gain.depth_db, gain.depth_range_db)
        assert lies_in(plan.gain.period_seconds, gain.period_range_seconds)
        assert lies_in(plan.clipped_share, clipping.share_range)
        assert plan.codec == "a_law"


@often
@given(seed=st.integers(0, 2**32), probabilities=st.lists(shares, min_size=5, max_size=5))
def test_no_effect_moves_another_and_no_voice_either(seed, probabilities):
    def draw(num_voices, probabilities):
        sections = [
            cls(probability)
            for cls, probability in zip(
                (EqualizerOptions, BandLimitOptions, GainOptions, ClippingOptions, CodecOptions),
                probabilities,
                strict=True,
            )
        ]
        options = AugmentationOptions(*sections)
        return draw_effects(np.random.default_rng(seed), options, 16000, num_voices)

    names = ("equalizer", "band_limit", "gain", "clipped_share", "codec")
    full = draw(3, probabilities)
    assert draw(1, probabilities) == full[:1]
    for number, name in enumerate(names):
        off = [0.0 if n == number else p for n, p in enumerate(probabilities)]
        for without, plan in zip(draw(3, off), full, strict=True):
            expected = plan and replace(plan, **{name: None})
            assert (without or EffectsPlan()) == (expected or EffectsPlan())


def plain(plan):
    """The plan, less all that this stage decided."""
    sources = [replace(source, effects=None) for source in plan.sources]
    enrollment = EnrollmentPlan(plan.enrollment.clip, plan.enrollment.speed)
    return replace(plan, target=sources[0], interferers=tuple(sources[1:]), enrollment=enrollment)


OTHERS = {
    "num_interferers": (0, 2),
    "noise_probability": 0.5,
    "room_probability": 0.5,
    "speed_probability": 0.5,
}


def test_augmentation_leaves_all_other_choices_as_they_were(corpus):
    plans, augmented = corpus.draw(60, **OTHERS), corpus.draw(60, **OTHERS, **all_on())
    assert augmented != plans
    assert [plain(plan) for plan in augmented] == plans
    assert corpus.draw(60, **OTHERS, **all_on(0.0)) == plans


@pytest.mark.parametrize("stage", ["room", "noise", "spec_augment", "clipping"])
def test_what_is_done_to_an_enrollment_is_drawn_by_itself(corpus, stage):
    on = all_on()
    section = on["enrollment_augmentation"]
    off = {**on, "enrollment_augmentation": replace(section, **{stage: None})}
    room = dict.fromkeys(("response", "direct_sample", "room"))
    changed = {"room": room, "noise": {"noise": None}, "spec_augment": {"masks": None}}

    def without(plan):
        plan = plan.enrollment
        if stage != "clipping":
            return replace(plan, **changed[stage])
        effects = plan.effects and replace(plan.effects, clipped_share=None)
        return replace(plan, effects=None if effects == EffectsPlan() else effects)

    full, less = corpus.draw(60, **on), corpus.draw(60, **off)
    assert full != less
    assert [without(plan) for plan in full] == [plan.enrollment for plan in less]
    assert [plan.sources for plan in full] == [plan.sources for plan in less]


def test_each_voice_and_the_enrollment_have_effects_of_their_own(corpus):
    plans = corpus.draw(20, **all_on(1.0))
    effects = [e for p in plans for e in (*(s.effects for s in p.sources), p.enrollment.effects)]
    assert len(set(effects)) == 60
    # The room of an enrollment is none of its mixture, and its noise neither.
    assert {plan.target.response for plan in plans} == {plan.noise for plan in plans} == {None}
    assert all(plan.enrollment.response and plan.enrollment.noise for plan in plans)
    assert len({plan.enrollment.response for plan in plans}) > 5


def test_masks_are_as_wide_as_asked(corpus):
    options = SpecAugmentOptions(1.0, 3, 0.2, 2, 0.4)
    section = EnrollmentAugmentationOptions(spec_augment=options)
    masks = [p.enrollment.masks for p in corpus.draw(100, enrollment_augmentation=section)]
    for name, number, widest in (("time", 3, 0.2), ("frequency", 2, 0.4)):
        drawn = [getattr(mask, name) for mask in masks]
        assert {len(spans) for spans in drawn} == {number}
        spans = list(itertools.chain(*drawn))
        assert 0.9 * widest < max(span.width for span in spans) <= widest
        assert min(span.width for span in spans) < 0.1 * widest
        assert max(span.start + span.width for span in spans) > 0.95
        assert all(span.start + span.width <= 1 for span in spans)


def test_lengths_of_enrollments_are_drawn_from_their_range(corpus):
    one = corpus.draw(100, enrollment_seconds=0.8)
    many = corpus.draw(100, enrollment_seconds=(0.3, 0.8))
    seconds = [p.enrollment.clip.num_samples / p.enrollment.clip.sample_rate for p in many]
    assert 0.3 <= min(seconds) < 0.33
    assert max(seconds) > 0.75
    for plan, other in zip(many, one, strict=True):
        assert plan.enrollment.clip.path == other.enrollment.clip.path
        assert plan.interferers == other.interferers
    same = corpus.draw(100, enrollment_seconds=(0.8, 0.8))
    assert same == one


@pytest.mark.parametrize(
    ("section", "options", "message"),
    [
        ("equalizer", {}, r"equalizer\.probability: missing. Expected float"),
        (
            "equalizer",
            {"probability": 1.5, "tilt_range_db": [3, -3]},
            r"equalizer\.probability: expected 0 to 1, got 1\.5\n"
            r".*equalizer\.tilt_range_db: expected low <= high, got \[3\.0, -3\.0\]",
        ),
        (
            "equalizer",
            {"probability": 1, "num_bands": [3, 1]},
            r"num_bands: expected 0 or more, low <= high, got \[3, 1\]",
        ),
        ("equalizer", {"probability": 1, "num_bands": -1}, "num_bands: expected 0 or more, .* -1"),
        (
            "equalizer",
            {"probability": 1, "width_range_octaves": [0, 1]},
            r"width_range_octaves: expected more than 0, got \[0\.0, 1\.0\]",
        ),
        ("band_limit", {"probability": 1, "bands_hz": []}, "bands_hz: none given. Expected at"),
        (
            "band_limit",
            {"probability": 1, "bands_hz": [[300, 3400], [5, 5]]},
            r"bands_hz: expected 0 Hz <= low < high, got \[5\.0, 5\.0\]",
        ),
        (
            "gain",
            {"probability": 1, "depth_range_db": [-1, 1]},
            r"depth_range_db: expected 0 or more, got \[-1\.0, 1\.0\]",
        ),
        (
            "clipping",
            {"probability": 1, "share_range": [0.1, 0.6]},
            r"share_range: expected at most 0\.5, got \[0\.1, 0\.6\]",
        ),
        ("codec", {"probability": 1, "names": []}, "names: none given. Expected mu_law, a_law or"),
        ("codec", {"probability": 1, "names": ["mp3"]}, r"names\[0\]: expected 'mu_law' or 'a_l"),
        ("noise", {"probability": -1}, r"noise\.probability: expected 0 to 1, got -1\.0"),
        ("noise", {"probability": 1, "snr_range_db": [5, 0]}, r"snr_range_db: expected low <= hi"),
        ("room", {"probability": 2}, r"room\.probability: expected 0 to 1, got 2\.0"),
        (
            "spec_augment",
            {"probability": 1, "num_time_masks": -1, "max_time_share": 1},
            r"num_time_masks: expected 0 or more, got -1\n"
            r".*max_time_share: expected between 0 and 1, got 1\.0",
        ),
    ],
)
def test_options_that_cannot_be(section, options, message):
    config = {"utterances": "u", "enrollment_augmentation": {section: options}}
    with pytest.raises(ConfigError, match=message):
        read_section(SimulationOptions, config, "data.train")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"enrollment_seconds": (0.0, 1.0)}, r"enrollment_seconds: expected more than 0 seconds"),
        ({"enrollment_seconds": (2.0, 1.0)}, r"enrollment_seconds: expected low <= high, got \[2"),
        (
            all_on(),
            r"rooms: missing, but enrollment_augmentation\.room\.probability is 0\.5\. Give a ",
        ),
    ],
)
def test_sections_that_do_not_fit(options, message):
    with pytest.raises(ConfigError, match=message):
        SimulationOptions("u.jsonl", **options)


def test_data_that_does_not_fit(corpus):
    options = corpus.options(**all_on())
    with pytest.raises(ManifestError, match=r"noise\.jsonl: nothing in it, but .*noise\.probabil"):
        MixturePlanner(corpus.utterances, [], corpus.rooms, options, 8000)
    with pytest.raises(ManifestError, match=r"rooms\.jsonl: nothing in it, but .*room\.probabil"):
        MixturePlanner(corpus.utterances, corpus.noises, [], options, 8000)


def test_enrollments_recur_only_where_nothing_is_done_to_them():
    assert SimulationOptions("u", enrollment_seconds=None).is_enrollment_recurring
    assert not SimulationOptions("u", enrollment_seconds=(1.0, 2.0)).is_enrollment_recurring
    for probability, recurs in ((0.0, True), (0.1, False)):
        section = EnrollmentAugmentationOptions(codec=CodecOptions(probability))
        options = SimulationOptions("u", enrollment_seconds=None, enrollment_augmentation=section)
        assert options.is_enrollment_recurring == recurs
