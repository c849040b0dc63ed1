"""Mixtures in simulated rooms, from the plan to the batch."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from wesep_like.data.rooms.random_responses import DIRECT_TAP
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.plans import read_plans, write_plans
from wesep_like.data.simulation.render import render
from wesep_like.data.simulation.reverberation import _responses
from wesep_like.data.simulation.room_options import SimulatedRoomOptions
from wesep_like.errors import ManifestError

SIGNALS = ("mixture", "target", "interference", "noise")
# Small and damped: few images.
SMALL = {"size_range_m": ((3.0, 3.0, 2.5), (4.0, 4.0, 3.0)), "rt60_range_seconds": (0.1, 0.15)}


def simulated(corpus, num, kind, **options):
    rooms = SimulatedRoomOptions(kind, **SMALL)
    options = {"rooms": None, "room_probability": 1.0, "simulated_rooms": rooms, **options}
    return corpus.draw(num, **options)


def test_a_simulated_room_has_a_place_for_each_voice(corpus):
    plans = simulated(corpus, 20, "random", num_interferers=(0, 2))
    assert {len(plan.room.sources_m) for plan in plans} == {1, 2, 3}
    assert len({plan.room.seed for plan in plans}) == 20
    assert all(source.response is None for plan in plans for source in plan.sources)


def test_rooms_leave_the_other_choices_as_they_were(corpus):
    on = simulated(corpus, 30, "random", noise_probability=0.5)
    off = simulated(corpus, 30, "random", noise_probability=0.5, room_probability=0.0)
    assert [replace(plan, room=None) for plan in on] == off


def test_measured_and_simulated_rooms_have_their_shares(corpus):
    rooms = SimulatedRoomOptions(share=0.25)
    options = {"rooms": "r.jsonl", "simulated_rooms": rooms, "room_probability": 0.8}
    plans = corpus.draw(400, **options)
    num_simulated = sum(plan.room is not None for plan in plans)
    num_measured = sum(plan.target.response is not None for plan in plans)
    assert num_simulated == pytest.approx(400 * 0.8 * 0.25, abs=30)
    assert num_measured == pytest.approx(400 * 0.8 * 0.75, abs=35)
    # The share moves no measured room.
    measured = corpus.draw(400, **{**options, "simulated_rooms": None})
    for plan, other in zip(plans, measured, strict=True):
        assert plan.room is not None or plan == other


@pytest.mark.parametrize("kind", ["random", "image"])
def test_plans_with_rooms_are_read_as_they_were_written(tmp_path, corpus, kind):
    plans = simulated(corpus, 5, kind)
    write_plans(tmp_path / "m.jsonl", plans)
    assert read_plans(tmp_path / "m.jsonl") == plans


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "real"}, "room.kind: expected one of random, image, got 'real'"),
        ({"rt60_seconds": 0.0}, "room.rt60_seconds: expected more than 0, got 0.0"),
        ({"seed": -1}, "room.seed: expected 0 to 4294967295, got -1"),
        ({"microphone_m": [1.0, 2.0]}, "room: expected places inside"),
        ({"microphone_m": [1.0, 9.0, 1.0]}, r"room: expected places inside .*, got \[1.0, 9.0, 1"),
        ({"sources_m": [[1.0, 1.0, 1.0]]}, "room.sources_m: expected 2 places, one a voice, got 1"),
    ],
)
def test_rooms_in_plans_that_cannot_be(tmp_path, corpus, change, message):
    path = tmp_path / "m.jsonl"
    write_plans(path, simulated(corpus, 1, "random"))
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "room": {**record["room"], **change}}))
    with pytest.raises(ManifestError, match=rf"m\.jsonl:1: {message}"):
        read_plans(path)


def test_a_voice_is_in_one_room_only(tmp_path, corpus):
    (plan,) = simulated(corpus, 1, "random")
    (other,) = corpus.draw(1, room_probability=1.0)
    with pytest.raises(ValueError, match="room: simulated, but a voice has a response too"):
        replace(plan, target=replace(plan.target, response=other.target.response))


@pytest.mark.parametrize("kind", ["random", "image"])
@pytest.mark.parametrize("target_kind", ["dry", "early", "reverberant"])
def test_a_target_is_where_it_was_spoken(corpus, kind, target_kind):
    plans = simulated(corpus, 3, kind, target_kind=target_kind, level_range_db=None)
    clips = collate(corpus.read(plans))
    batch = render(clips)
    spoken = clips.sources[:, 0]
    if target_kind == "dry":
        # The direct path is one sample, so the target is what was said, but for a gain.
        likeness = torch.cosine_similarity(batch.target, spoken, dim=-1)
        torch.testing.assert_close(likeness, torch.ones(3))
    size = 2 * spoken.shape[-1]
    spectra = [torch.fft.rfft(signal, size) for signal in (batch.target, spoken)]
    delays = torch.fft.irfft(spectra[0] * spectra[1].conj(), size).argmax(dim=-1)
    assert delays.tolist() == [0, 0, 0]


@pytest.mark.parametrize("kind", ["random", "image"])
def test_a_mixture_is_the_sum_of_its_parts(corpus, kind):
    plans = simulated(
        corpus, 4, kind, target_kind="reverberant", num_interferers=(0, 2), noise_probability=0.5
    )
    batch = render(collate(corpus.read(plans)))
    rest = batch.mixture - batch.target - batch.interference - batch.noise
    assert rest.abs().max() < 1e-6
    assert batch.mixture.isfinite().all()


def test_rooms_of_all_kinds_may_be_in_one_batch(corpus):
    plans = [
        *simulated(corpus, 3, "random", num_interferers=(0, 2), target_kind="early"),
        *simulated(corpus, 1, "image", target_kind="early"),
        *corpus.draw(6, room_probability=0.5, target_kind="early"),
    ]
    assert {plan.target.response is None for plan in plans[4:]} == {True, False}
    batch = render(collate(corpus.read(plans)))
    for row, plan in enumerate(plans):
        alone = render(collate(corpus.read([plan])))
        for name in SIGNALS:
            signal, one = getattr(batch, name)[row], getattr(alone, name)[0]
            torch.testing.assert_close(signal[: len(one)], one, atol=2e-6, rtol=0)


def test_the_early_target_keeps_fifty_milliseconds(corpus):
    plans = simulated(corpus, 2, "random", target_kind="early", level_range_db=None)
    plans = [replace(plan, interferers=(), room=_of_one(plan.room)) for plan in plans]
    clips = collate(corpus.read(plans))
    responses, batch = _responses(clips), render(clips)
    for row in range(2):
        taps = responses[row, 0, DIRECT_TAP:][: 400 + 1].double().numpy()  # 50 ms at 8 kHz
        before = responses[row, 0, :DIRECT_TAP].abs().max()
        said = clips.sources[row, 0].double().numpy()
        expected = np.convolve(said, taps)[: len(said)]
        error = np.abs(batch.target[row].numpy() - expected).max()
        assert error < 1e-5 + before * np.abs(said).max() * DIRECT_TAP


def _of_one(room):
    return replace(room, sources_m=room.sources_m[:1])


def test_a_direct_path_that_is_known_need_not_be_the_largest(corpus):
    (plan,) = corpus.draw(1, room_probability=1.0, target_kind="dry", level_range_db=None)
    response = plan.target.response
    known = replace(plan.target, direct_sample=5)
    (found,), (read,) = corpus.read([plan]), corpus.read([replace(plan, target=known)])
    assert found.responses[0].direct == np.abs(found.responses[0].taps).argmax() != 5
    assert read.responses[0].direct == 5 * 8000 // response.sample_rate
    assert collate([read]).direct[0, 0] == 5
