"""Who speaks: an utterance for the target and for each interferer."""

from __future__ import annotations

from collections.abc import Sequence

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
        if len(self.speakers) < options.max_sources:
            raise ManifestError(
                f"{options.source}: {len(self.speakers)} speakers, but a mixture needs "
                f"{options.max_sources}. Add speakers or lower num_interferers"
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
        low, high = self.options.interferer_range
        num_interferers = int(rng.integers(low, high + 1))
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
