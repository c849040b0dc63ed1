"""Examples by number: the same whatever the number of workers or processes, and after a resume."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from torch.utils.data import Dataset, Sampler

from wesep_like.data.broken import BrokenCount
from wesep_like.data.reading import read_ingredients
from wesep_like.data.simulation.clips import Ingredients
from wesep_like.data.simulation.plans import MixturePlan
from wesep_like.data.store import AudioStore
from wesep_like.errors import AudioError

_MAX_ATTEMPTS = 20
_CYCLE = 6  # turns of two and of three fit into it

T = TypeVar("T")
E = TypeVar("E", bound="Heard")


class Heard(Protocol):
    """An example: a plan and the samples that it names."""

    @property
    def is_silent(self) -> bool:
        """Whether nothing is heard of a voice that should be."""


class Planner(Protocol):
    """Decides mixtures: all of one from one generator."""

    @property
    def manifest(self) -> str:
        """Where they are from, for messages."""

    @property
    def speakers(self) -> list[str]:
        """All that can be the target, in alphabetical order."""

    def draw(self, rng: np.random.Generator, *, mixture_id: str = "") -> MixturePlan:
        """One example."""


class Source(Protocol):
    """What examples are made of."""

    @property
    def where(self) -> str:
        """Its name, for messages."""

    @property
    def speakers(self) -> Sequence[str]:
        """All that an example can be of; empty if that is not known."""

    def at(self, number: int) -> tuple[Any, AudioStore]:
        """What decides example `number`, and what reads it."""


@dataclass(frozen=True)
class Files:
    """The same files for each example."""

    planner: Any
    store: AudioStore

    @property
    def where(self) -> str:
        """Where they are listed."""
        return self.planner.manifest

    @property
    def speakers(self) -> list[str]:
        """All that an example can be of."""
        return self.planner.speakers

    def at(self, number: int) -> tuple[Any, AudioStore]:
        """What decides example `number`, and what reads it."""
        return self.planner, self.store


class NumberedExamples(ABC, Dataset[E], Generic[E]):
    """Endless examples, drawn anew: example `number` depends on `seed` and `number` alone.

    A file that cannot be read is skipped: a warning names it once, and another plan is drawn for
    the same number. So is a voice that is silent.

    Args:
        source: What they are made of.
        seed: Another seed, other examples.
        max_broken_share: Of the examples; if more cannot be read, that is an error.
    """

    def __init__(self, source: Source, seed: int, max_broken_share: float) -> None:
        self.speakers = list(source.speakers)
        self.broken = BrokenCount(source.where, "examples", max_broken_share)
        self.source = source
        self._seed = seed
        self._place_of_speaker = {speaker: i for i, speaker in enumerate(self.speakers)}

    def __getitem__(self, number: int) -> E:
        """Example `number`, counted from 0.

        Raises:
            AudioError: If too much cannot be read.
        """
        planner, store = self.source.at(number)
        for attempt in range(_MAX_ATTEMPTS):
            rng = np.random.default_rng([self._seed, number, attempt])
            self.broken.num_reads += 1
            try:
                example = self._example(planner, store, rng, number, attempt)
            except AudioError as error:
                self.broken.skip(error)
                continue
            if not example.is_silent:
                return example
        raise AudioError(
            f"example {number}: {_MAX_ATTEMPTS} drawn examples could not be read or were "
            f"silent. Check {self.source.where}"
        )

    def place_of(self, speaker: str) -> int:
        """The speaker's place in the list of all, or -1."""
        return self._place_of_speaker.get(speaker, -1)

    @abstractmethod
    def _example(
        self,
        planner: Any,
        store: AudioStore,
        rng: np.random.Generator,
        number: int,
        attempt: int,
    ) -> E:
        """One drawn and read.

        Args:
            planner: Decides it.
            store: Reads it.
            rng: All that is drawn for it comes from here.
            number: Of the example.
            attempt: How many were drawn for this number before, and were of no use.

        Raises:
            AudioError: If it cannot be read.
        """


class NumberedMixtures(NumberedExamples[Ingredients]):
    """Endless mixtures; see the base."""

    def _example(
        self,
        planner: Planner,
        store: AudioStore,
        rng: np.random.Generator,
        number: int,
        attempt: int,
    ) -> Ingredients:
        plan = planner.draw(rng, mixture_id=str(number))
        return read_ingredients(plan, store, speaker=self.place_of(plan.target.speaker))


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
        super().__init__(Files(planner, store), seed, max_broken_share)
        self.planner = planner


class Fixed(Protocol):
    """Examples that are the same every time."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int) -> Any: ...


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
