"""Who speaks: an utterance for the target and for each interferer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from wesep_like.data.manifest import Utterance
from wesep_like.data.simulation.options import MixingOptions
from wesep_like.errors import ManifestError


class Voices:
    """Utterances by speaker, and the choice among them.

    Args:
        utterances: Of at least one more speaker than there are interferers.
        options: How mixtures are made.

    Attributes:
        speakers: All of them, in alphabetical order.

    Raises:
        ManifestError: If there are too few speakers.
    """

    def __init__(self, utterances: Sequence[Utterance], options: MixingOptions) -> None:
        self.options = options
        self._utterances: dict[str, list[Utterance]] = {}
        for utterance in sorted(utterances, key=lambda utterance: utterance.id):
            self._utterances.setdefault(utterance.speaker, []).append(utterance)
        self.speakers = sorted(self._utterances)
        self._weights = np.array([self._weight(speaker) for speaker in self.speakers])
        if len(self.speakers) < options.max_speakers:
            raise ManifestError(
                f"{options.source}: {len(self.speakers)} speakers, but a mixture needs "
                f"{options.max_speakers}. Add speakers or lower num_interferers"
            )

    def of(self, speaker: str) -> list[Utterance]:
        """All utterances of one speaker."""
        return self._utterances[speaker]

    def _weight(self, speaker: str) -> float:
        """How often a speaker is drawn, relative to others."""
        utterances = self._utterances[speaker]
        return {
            "uniform": 1.0,
            "by_utterance": len(utterances),
            "by_duration": sum(u.num_samples / u.sample_rate for u in utterances),
        }[self.options.speaker_sampling]

    def draw(self, rng: np.random.Generator, target: Utterance | None) -> list[Utterance]:
        """One utterance a source, each of another speaker; the target's first.

        Args:
            rng: Where it comes from.
            target: Makes this utterance the target.
        """
        num_interferers = self._draw_number(rng)
        weights = self._weights.copy()
        voices = []
        for number in range(1 + num_interferers):
            index = int(rng.choice(len(weights), p=weights / weights.sum()))
            place = rng.random()
            if number == 0 and target is not None:
                index = self.speakers.index(target.speaker)
                voices.append(target)
            else:
                of_speaker = self._utterances[self.speakers[index]]
                voices.append(of_speaker[int(place * len(of_speaker))])
            weights[index] = 0
        return voices

    def choose(self, speakers: Sequence[str], which: float, place: float) -> Utterance:
        """An utterance of one of `speakers`.

        Args:
            speakers: At least one.
            which: Drawn, from 0 to 1: which speaker, each as often as speakers are drawn.
            place: Likewise: which of his utterances.
        """
        weights = np.cumsum([self._weight(speaker) for speaker in speakers])
        index = int(np.searchsorted(weights, which * weights[-1], side="right"))
        of_speaker = self._utterances[speakers[min(index, len(speakers) - 1)]]
        return of_speaker[int(place * len(of_speaker))]

    def _draw_number(self, rng: np.random.Generator) -> int:
        """How many interferers."""
        numbers = self.options.num_interferers
        if isinstance(numbers, Mapping):
            shares = np.array(list(numbers.values()), dtype=float)
            return int(rng.choice(list(numbers), p=shares / shares.sum()))
        low, high = self.options.interferer_range
        return int(rng.integers(low, high + 1))
