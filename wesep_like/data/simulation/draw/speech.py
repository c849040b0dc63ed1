"""Plans for plain speaker encoders: a crop of one voice, and what is done to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from wesep_like.audio import to_samples
from wesep_like.data.manifest import Noise, Room, Utterance, read_manifest
from wesep_like.data.simulation.draw.augmentation import EnrollmentAugmentation
from wesep_like.data.simulation.draw.crops import crop
from wesep_like.data.simulation.draw.turns import EveryUtterance, FewSpeakers, Turns
from wesep_like.data.simulation.plans import EnrollmentPlan
from wesep_like.data.simulation.speech_options import SpeechOptions
from wesep_like.data.simulation.speech_plans import SpeechPlan
from wesep_like.data.simulation.voice_options import VoiceOptions
from wesep_like.errors import ManifestError


class SpeechPlanner:
    """Draws crops of the given utterances.

    Args:
        utterances: In any order.
        noises: Used if one may be drawn and options.noise is given.
        rooms: Used if one may be drawn and options.rooms is given.
        options: What is drawn.
        sample_rate: Of the crops, in Hz.
        seed: Another seed, another order of utterances.
        batch_size: Examples a batch, on each process.

    Attributes:
        speakers: All of them, in alphabetical order.

    Raises:
        ManifestError: If there are too few speakers, or no noises or rooms where they are needed.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        noises: Sequence[Noise],
        rooms: Sequence[Room],
        options: SpeechOptions,
        sample_rate: int,
        *,
        seed: int,
        batch_size: int,
    ) -> None:
        self.options = options
        self.sample_rate = sample_rate
        self.speakers = sorted({utterance.speaker for utterance in utterances})
        if len(self.speakers) < 2:
            raise ManifestError(
                f"{options.source}: {len(self.speakers)} speakers. Telling speakers apart is "
                "learnt from two or more"
            )
        utterances = in_order(utterances)
        self._turns: Turns = (
            EveryUtterance(utterances, options, seed)
            if options.utterances_per_speaker is None
            else FewSpeakers(utterances, options, seed, batch_size)
        )
        self._augmentation = EnrollmentAugmentation(
            noises, rooms, options, options.augmentation, sample_rate, where="augmentation"
        )

    @property
    def manifest(self) -> str:
        """Where the voices are from, for messages."""
        return self.options.source

    @classmethod
    def maker(
        cls,
        options: SpeechOptions,
        sample_rate: int,
        noises: Sequence[Noise] | None = None,
        *,
        seed: int,
        batch_size: int,
    ) -> Callable[[Sequence[Utterance]], SpeechPlanner]:
        """From utterances to a planner, for other utterances now and then; pickles.

        Args:
            options: What is drawn.
            sample_rate: Of the crops, in Hz.
            noises: None: those of the manifest that the options name, if they do.
            seed: See the class.
            batch_size: See the class.

        Raises:
            ManifestError: If a manifest is wrong.
        """
        noises, rooms = noises_and_rooms(options, noises)
        return partial(
            cls,
            noises=noises,
            rooms=rooms,
            options=options,
            sample_rate=sample_rate,
            seed=seed,
            batch_size=batch_size,
        )

    def draw(self, rng: np.random.Generator, number: int, attempt: int = 0) -> SpeechPlan:
        """Decide example `number`.

        Args:
            rng: Of this example and attempt; it must be able to spawn.
            number: Of the example: whose turn it is.
            attempt: If not 0, what the turn gave was of no use, and another utterance is drawn.
        """
        # In this order for ever: a new stage takes a new generator at the end.
        turn_rng, crop_rng, changes_rng = rng.spawn(3)
        utterance, speed = self._turns.at(number, attempt, turn_rng)
        seconds = self.options.crop_seconds
        plan = draw_crop(crop_rng, utterance, speed, seconds, self.sample_rate)
        return SpeechPlan(
            str(number), utterance.speaker, self._augmentation.draw(changes_rng, plan)
        )


def in_order(utterances: Sequence[Utterance]) -> list[Utterance]:
    """The utterances, in an order that does not depend on that of their manifest."""
    return sorted(utterances, key=lambda utterance: (utterance.id, utterance.path))


def noises_and_rooms(
    options: VoiceOptions, noises: Sequence[Noise] | None
) -> tuple[Sequence[Noise], Sequence[Room]]:
    """What voices may be put into.

    Args:
        options: Name the manifests.
        noises: Taken in place of those in the manifest; None for these.

    Raises:
        ManifestError: If a manifest is wrong.
    """
    if noises is None:
        noises = read_manifest(options.noise, Noise) if options.noise else []
    return noises, read_manifest(options.rooms, Room) if options.rooms else []


def draw_crop(
    rng: np.random.Generator,
    utterance: Utterance,
    speed: float,
    seconds: float,
    sample_rate: int,
) -> EnrollmentPlan:
    """A crop of this length, and nothing done to it; its sample rate is in Hz."""
    clip = crop(utterance, rng.random(), seconds, speed)
    return EnrollmentPlan(clip, speed, num_samples=to_samples(seconds, sample_rate))
