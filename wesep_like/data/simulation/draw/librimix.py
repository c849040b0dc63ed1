"""What is mixed with what, and how loud, as in LibriMix: its metadata, but for the gains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from wesep_like.data.manifest import Noise, Utterance
from wesep_like.errors import ManifestError

SPEECH_RANGE_LUFS, NOISE_RANGE_LUFS = (-33.0, -25.0), (-38.0, -30.0)

Card = TypeVar("Card", Utterance, Noise)


@dataclass(frozen=True)
class LibriMixPlan:
    """One mixture, and the loudness of each signal in LUFS.

    Attributes:
        loudness_lufs: Of the sources in their order, then of the noise, which is drawn in any case.
    """

    sources: tuple[Utterance, ...]
    noise: Noise | None
    loudness_lufs: tuple[float, ...]


def draw_librimix(
    rng: np.random.Generator,
    utterances: Sequence[Utterance],
    noises: Sequence[Noise],
    num: int,
    *,
    num_sources: int = 2,
    has_lone_interferers: bool = False,
) -> list[LibriMixPlan]:
    """So many mixtures of different speakers, no two of the same utterances.

    Each speaker in them has two utterances or more in them, so that one can enroll for the other.
    Each utterance is taken once before any comes again, as far as that allows, and each noise: one
    that is as long as the mixture, if there is one left.

    Args:
        rng: Where all of it comes from.
        utterances: With names that differ.
        noises: None: mixtures without.
        num: How many.
        num_sources: Of each mixture.
        has_lone_interferers: Speakers with one utterance are taken too, after the first source.

    Raises:
        ManifestError: If there are too few speakers, or so many mixtures cannot be drawn.
    """
    return _Drawing(rng, utterances, noises, num_sources, has_lone_interferers).draw(num)


class _Deck(Generic[Card]):
    """Cards in random order; each is taken once before any comes again, if it is wanted."""

    def __init__(self, rng: np.random.Generator, cards: Sequence[Card]) -> None:
        self._rng = rng
        self._cards: Sequence[Card] = cards
        self._left: list[Card] = []

    def take(self, wanted: Callable[[Card], bool]) -> Card | None:
        """The next one that is wanted; None if none of all is."""
        if (card := self.take_left(wanted)) is not None:
            return card
        # What is left stays before the new round.
        if any(wanted(card) for card in self._cards):
            self._left += [self._cards[n] for n in self._rng.permutation(len(self._cards))]
        return self.take_left(wanted)

    def take_left(self, wanted: Callable[[Card], bool]) -> Card | None:
        """Likewise, of those that were not taken yet."""
        for place, card in enumerate(self._left):
            if wanted(card):
                return self._left.pop(place)
        return None


class _Drawing:
    def __init__(
        self,
        rng: np.random.Generator,
        utterances: Sequence[Utterance],
        noises: Sequence[Noise],
        num_sources: int,
        has_lone_interferers: bool,
    ) -> None:
        counts = Counter(utterance.speaker for utterance in utterances)
        self._targets = {speaker for speaker, count in counts.items() if count > 1}
        can_speak = counts if has_lone_interferers else self._targets
        if len(can_speak) < num_sources or not self._targets:
            raise ManifestError(
                f"{len(self._targets)} of {len(counts)} speakers have two utterances or more. "
                f"Expected at least {num_sources}, each with one to enroll with"
            )
        of_pairs, of_noises, self._of_loudness = rng.spawn(3)
        cards = [utterance for utterance in utterances if utterance.speaker in can_speak]
        self._utterances = _Deck(of_pairs, cards)
        self._noises = _Deck(of_noises, noises)
        self._num_sources = num_sources
        # Of each speaker who needs two: the utterances that are in mixtures.
        self._heard: dict[str, set[str]] = {}
        self._taken: set[frozenset[str]] = set()

    def draw(self, num: int) -> list[LibriMixPlan]:
        plans = []
        for number in range(num):
            sources: list[Utterance] = []
            while len(sources) < self._num_sources:
                source = self._draw_source(sources, (num - number - 1) * self._num_sources)
                if source is None:
                    raise ManifestError(
                        f"only {number} of {num} mixtures can be drawn, in which each speaker has "
                        "two utterances. Ask for fewer or more of them, or give more utterances"
                    )
                sources.append(source)
            plans.append(self._plan(tuple(sources)))
        return plans

    def _draw_source(self, others: Sequence[Utterance], num_later: int) -> Utterance | None:
        """The next source of a mixture.

        Args:
            others: Those that it has already.
            num_later: How many there will be in later mixtures.
        """
        lonely = {speaker for speaker, heard in self._heard.items() if len(heard) == 1}
        speakers = {other.speaker for other in others}
        names = {other.id for other in others}
        is_last = len(others) == self._num_sources - 1
        # Each speaker who is heard once must be heard once more.
        has_place_for_new = len(lonely) < num_later

        def may(card: Utterance) -> bool:
            if card.speaker in speakers or (not others and card.speaker not in self._targets):
                return False
            is_known = card.speaker in self._heard or card.speaker not in self._targets
            if not (is_known or has_place_for_new):
                return False
            return not is_last or frozenset(names | {card.id}) not in self._taken

        def helps(card: Utterance) -> bool:
            return may(card) and card.speaker in lonely and card.id not in self._heard[card.speaker]

        source = None if has_place_for_new else self._utterances.take(helps)
        if source is None:
            source = self._utterances.take(may)
        if source is not None and source.speaker in self._targets:
            self._heard.setdefault(source.speaker, set()).add(source.id)
        return source

    def _plan(self, sources: tuple[Utterance, ...]) -> LibriMixPlan:
        self._taken.add(frozenset(source.id for source in sources))
        longest = max(source.num_samples for source in sources)
        noise = self._noises.take_left(lambda noise: noise.num_samples >= longest)
        if noise is None:
            noise = self._noises.take(lambda _: True)
        loudness = [self._of_loudness.uniform(*SPEECH_RANGE_LUFS) for _ in sources]
        loudness.append(self._of_loudness.uniform(*NOISE_RANGE_LUFS))
        return LibriMixPlan(sources, noise, tuple(loudness))
