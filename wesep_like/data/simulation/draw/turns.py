"""Whose turn it is: the utterance of each example of a plain speaker encoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from wesep_like.data.manifest import Utterance
from wesep_like.data.simulation.draw.orders import UTTERANCES, batch_generator, epoch_order
from wesep_like.data.simulation.draw.speeds import draw_speed
from wesep_like.data.simulation.speech_options import SpeechOptions
from wesep_like.data.simulation.voice_options import VoiceOptions
from wesep_like.errors import ManifestError


class Turns(ABC):
    """The choice of utterances and speeds, the same for the same number."""

    @abstractmethod
    def at(self, number: int, attempt: int, rng: np.random.Generator) -> tuple[Utterance, float]:
        """What is said in an example, and how fast it is played.

        Args:
            number: Of the example.
            attempt: If not 0, what the turn gave was of no use, and another is drawn.
            rng: Of this example.
        """


class EveryUtterance(Turns):
    """Each utterance once an epoch.

    Args:
        utterances: At least one.
        options: How often speeds are changed.
        seed: Another seed, another order.
    """

    def __init__(self, utterances: Sequence[Utterance], options: VoiceOptions, seed: int) -> None:
        self._utterances = utterances
        self._options = options
        self._seed = seed

    def at(self, number: int, attempt: int, rng: np.random.Generator) -> tuple[Utterance, float]:
        """The next one of the epoch; see the base."""
        speed = draw_speed(rng, self._options)
        num = len(self._utterances)
        epoch, place = divmod(number, num)
        chosen = epoch_order(num, self._seed, epoch, UTTERANCES)[place]
        if attempt > 0:
            chosen = rng.integers(num)
        return self._utterances[int(chosen)], speed


class FewSpeakers(Turns):
    """A batch has a few speakers, with several utterances of each one after another.

    Args:
        utterances: Of enough speakers.
        options: How many utterances of each speaker.
        seed: Another seed, other batches.
        batch_size: Examples a batch, on each process.

    Raises:
        ManifestError: If there are too few speakers for a batch.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        options: SpeechOptions,
        seed: int,
        batch_size: int,
    ) -> None:
        assert options.utterances_per_speaker is not None
        self._options = options
        self._seed = seed
        self._batch_size = batch_size
        self._per_speaker = options.utterances_per_speaker
        of_speaker: dict[str, list[Utterance]] = {}
        for utterance in utterances:
            of_speaker.setdefault(utterance.speaker, []).append(utterance)
        self._of_speaker = list(of_speaker.values())
        num_wanted = batch_size // self._per_speaker
        if len(self._of_speaker) < num_wanted:
            raise ManifestError(
                f"{options.source}: {len(self._of_speaker)} speakers, but a batch of {batch_size} "
                f"has {num_wanted}, with {self._per_speaker} utterances each. Lower "
                "trainer.batch_size or raise data.train.utterances_per_speaker"
            )

    def at(self, number: int, attempt: int, rng: np.random.Generator) -> tuple[Utterance, float]:
        """One of the batch's speakers; see the base."""
        batch, place = divmod(number, self._batch_size)
        group, take = divmod(place, self._per_speaker)
        of_batch = batch_generator(self._seed, batch)
        speaker = of_batch.permutation(len(self._of_speaker))[group]
        of_group = of_batch.spawn(group + 1)[group]
        utterances = self._of_speaker[speaker]
        speed = draw_speed(of_group, self._options)  # the same for all: one speaker
        chosen = of_group.permutation(len(utterances))[take % len(utterances)]
        if attempt > 0:
            chosen = rng.integers(len(utterances))
        return utterances[int(chosen)], speed
