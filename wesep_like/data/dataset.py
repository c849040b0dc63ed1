"""Examples by number: the same whatever the number of workers or processes, and after a resume."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

import numpy as np
from torch.utils.data import Dataset, Sampler

from wesep_like.audio.levels import is_silent
from wesep_like.audio.resample import resample
from wesep_like.data.broken import BrokenCount
from wesep_like.data.rooms.image_responses import direct_sample, image_responses
from wesep_like.data.rooms.response import Response
from wesep_like.data.simulation.clips import Ingredients
from wesep_like.data.simulation.colored_noise import colored_noise
from wesep_like.data.simulation.plans import (
    EnrollmentPlan,
    MixturePlan,
    NoisePlan,
    SourcePlan,
)
from wesep_like.data.simulation.room_plans import SimulatedRoom
from wesep_like.data.store import AudioStore
from wesep_like.errors import AudioError, SampleRateError

_MAX_ATTEMPTS = 20
_CYCLE = 6  # turns of two and of three fit into it

T = TypeVar("T")


class Planner(Protocol):
    """Decides examples: all of one from one generator."""

    @property
    def manifest(self) -> str:
        """Where they are from, for messages."""

    @property
    def speakers(self) -> list[str]:
        """All that can be the target, in alphabetical order."""

    def draw(self, rng: np.random.Generator, *, mixture_id: str = "") -> MixturePlan:
        """One example."""


class NumberedMixtures(ABC, Dataset[Ingredients]):
    """Endless mixtures, drawn anew: example `number` depends on `seed` and `number` alone.

    A file that cannot be read is skipped: a warning names it once, and another plan is drawn for
    the same number. So is a target or an enrollment that is silent.

    Args:
        where: What they are made of, for messages.
        speakers: All that can be the target; empty if that is not known.
        seed: Another seed, other mixtures.
        max_broken_share: Of the examples, or of other things read for them; if more cannot be read,
            that is an error.
    """

    def __init__(
        self, where: str, speakers: Sequence[str], seed: int, max_broken_share: float
    ) -> None:
        self.speakers = list(speakers)
        self.broken = BrokenCount(where, "examples", max_broken_share)
        self._where = where
        self._seed = seed
        self._place_of_speaker = {speaker: i for i, speaker in enumerate(speakers)}

    @abstractmethod
    def at(self, number: int) -> tuple[Planner, AudioStore]:
        """What decides example `number`, and what reads it."""

    def __getitem__(self, number: int) -> Ingredients:
        """Example `number`, counted from 0.

        Raises:
            AudioError: If too much cannot be read.
        """
        planner, store = self.at(number)
        for attempt in range(_MAX_ATTEMPTS):
            rng = np.random.default_rng([self._seed, number, attempt])
            plan = planner.draw(rng, mixture_id=str(number))
            self.broken.num_reads += 1
            try:
                speaker = self._place_of_speaker.get(plan.target.speaker, -1)
                example = read_ingredients(plan, store, speaker=speaker)
            except AudioError as error:
                self.broken.skip(error)
                continue
            # An absent target is silent as planned; the voice in its place must not be.
            heard = example.sources[plan.reference]
            if not (is_silent(heard) or is_silent(example.enrollment)):
                return example
        raise AudioError(
            f"example {number}: {_MAX_ATTEMPTS} drawn mixtures could not be read or were "
            f"silent. Check {self._where}"
        )


class OnlineMixtures(NumberedMixtures):
    """Endless mixtures of files, or of stretches of them.

    Args:
        planner: Decides the examples.
        store: Reads them.
        seed: Another seed, other mixtures.
        max_broken_share: Of the examples; if more cannot be read, that is an error.
    """

    def __init__(
        self, planner: Planner, store: AudioStore, seed: int, *, max_broken_share: float = 0.05
    ) -> None:
        super().__init__(planner.manifest, planner.speakers, seed, max_broken_share)
        self.planner = planner
        self._store = store

    def at(self, number: int) -> tuple[Planner, AudioStore]:
        """The same for each."""
        return self.planner, self._store


class FixedMixtures(Dataset[Ingredients]):
    """Mixtures that are the same every time, for validation and tests; a broken file is an error.

    Args:
        plans: As `read_plans` gives them.
        store: Reads them; its sample rate is the plans'.
    """

    def __init__(self, plans: Sequence[MixturePlan], store: AudioStore) -> None:
        self.plans = list(plans)
        self._store = store

    def __len__(self) -> int:
        return len(self.plans)

    def __getitem__(self, number: int) -> Ingredients:
        return read_ingredients(self.plans[number], self._store)


class BatchNumbers(Sampler[list[int]]):
    """Batches of example numbers without end; give it to a DataLoader as batch_sampler.

    The ranks share each step's numbers, so that step s of all ranks together is the same examples
    as step s of one process with a batch so many times as large.

    Args:
        batch_size: Examples a batch, on each rank.
        first_batch: Where to begin; a resumed run gives the number of batches that it has done.
        rank: Which process this is.
        num_ranks: How many there are.
    """

    def __init__(
        self, batch_size: int, first_batch: int = 0, rank: int = 0, num_ranks: int = 1
    ) -> None:
        assert batch_size > 0
        assert first_batch >= 0
        assert 0 <= rank < num_ranks
        self.batch_size = batch_size
        self.first_batch = first_batch
        self.rank = rank
        self.num_ranks = num_ranks

    def __iter__(self) -> Iterator[list[int]]:
        for step in itertools.count(self.first_batch):
            first = (step * self.num_ranks + self.rank) * self.batch_size
            yield list(range(first, first + self.batch_size))


def evenly_spread(items: Sequence[T], count: int) -> list[T]:
    """So many of the items, one of each stretch of them, and always the same ones.

    The lines of a list may take turns: each mixture once for each of its two or three speakers. So
    the chosen ones take turns too; an even stride might find one speaker's only.
    """
    chosen = []
    for n in range(count):
        first, after = n * len(items) // count, (n + 1) * len(items) // count
        chosen.append(items[first + (n - first) % min(_CYCLE, after - first)])
    return chosen


def share_numbers(num_examples: int, rank: int, num_ranks: int) -> list[int]:
    """The numbers of a rank's share of so many fixed examples.

    All shares are of one size: ranks that step together must take as many steps. So a few examples
    may come twice, each time in another share.
    """
    size = -(-num_examples // num_ranks)
    return [number % num_examples for number in range(rank, size * num_ranks, num_ranks)]


def read_ingredients(plan: MixturePlan, store: AudioStore, *, speaker: int = -1) -> Ingredients:
    """Read what a plan names.

    Args:
        store: Its sample rate is the plan's.
        speaker: The target's place in the list of training speakers, or -1.

    Raises:
        AudioError: If a file is missing or broken; names it.
        SampleRateError: If the plan is for another sample rate than the store's.
    """
    if plan.sample_rate != store.sample_rate:
        raise SampleRateError(
            f"mixture {plan.id!r}: planned at {plan.sample_rate} Hz, but audio is read at "
            f"{store.sample_rate} Hz. Prepare the mixtures at {store.sample_rate} Hz"
        )
    enrollment = _at_speed(store.read(plan.enrollment.clip), plan.enrollment.speed)
    noise = plan.enrollment.noise
    target = (
        _read_source(plan.target, store, plan.num_samples)
        if plan.has_target
        else np.zeros(plan.num_samples, np.float32)
    )
    if plan.mixture is not None:
        recorded = replace(plan.target, clip=plan.mixture)
        others = [_read_source(recorded, store, plan.num_samples) - target]
    else:
        others = [_read_source(source, store, plan.num_samples) for source in plan.interferers]
    return Ingredients(
        plan=plan,
        sources=(target, *others),
        responses=_responses(plan.room, plan.sources, store),
        noise=None if plan.noise is None else _read_noise(plan.noise, store, plan.num_samples),
        enrollment=enrollment,
        speaker=speaker,
        enrollment_response=_responses(plan.enrollment.room, [plan.enrollment], store)[0],
        enrollment_noise=None if noise is None else _read_noise(noise, store, len(enrollment)),
    )


def _read_source(source: SourcePlan, store: AudioStore, num_samples: int) -> np.ndarray:
    samples = _at_speed(store.read(source.clip), source.speed)[: num_samples - source.offset]
    placed = np.zeros(num_samples, np.float32)
    placed[source.offset : source.offset + len(samples)] = samples
    return placed


def _responses(
    room: SimulatedRoom | None, heard: Sequence[SourcePlan | EnrollmentPlan], store: AudioStore
) -> tuple[Response | None, ...]:
    """Of all that is heard in one room: read, or computed here if that takes pyroomacoustics."""
    if room is None or room.kind != "image":
        return tuple(_read_response(one, store) for one in heard)
    rate = store.sample_rate
    computed = image_responses(
        room.size_m, room.rt60_seconds, [room.microphone_m], room.sources_m, rate
    )
    return tuple(
        Response(taps[:, 0], direct_sample(room.microphone_m, source, rate))
        for taps, source in zip(computed, room.sources_m, strict=True)
    )


def _read_response(source: SourcePlan | EnrollmentPlan, store: AudioStore) -> Response | None:
    if source.response is None:
        return None
    taps = store.read_response(source.response)
    if source.direct_sample is None:
        return Response(taps, int(np.abs(taps).argmax()))
    after = source.direct_sample - source.response.start
    return Response(taps, round(after * store.sample_rate / source.response.sample_rate))


def _read_noise(noise: NoisePlan, store: AudioStore, num_samples: int) -> np.ndarray:
    if noise.color is not None:
        return colored_noise(noise.color, num_samples, store.sample_rate)
    assert noise.clip is not None
    recorded = np.roll(store.read(noise.clip), -noise.offset)
    return np.resize(recorded, num_samples)  # np.resize repeats


def _at_speed(samples: np.ndarray, speed: float) -> np.ndarray:
    """Played faster or slower, pitch and all."""
    # The resampler wants whole numbers; speeds come in hundredths.
    return resample(samples, round(100 * speed), 100)
