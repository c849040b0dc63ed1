"""Plans for learning without labels: several crops of one utterance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from wesep_like.data.manifest import Noise, Room, Utterance
from wesep_like.data.simulation.crop_options import SeveralCropsOptions
from wesep_like.data.simulation.draw.augmentation import EnrollmentAugmentation
from wesep_like.data.simulation.draw.speech import draw_crop, in_order, noises_and_rooms
from wesep_like.data.simulation.draw.turns import EveryUtterance
from wesep_like.data.simulation.plans import EnrollmentPlan
from wesep_like.data.simulation.speech_plans import CropsPlan


class CropsPlanner:
    """Draws several crops of each of the given utterances, each of them once an epoch.

    Args:
        utterances: In any order, at least one; who speaks is not looked at.
        noises: Used if one may be drawn and options.noise is given.
        rooms: Used if one may be drawn and options.rooms is given.
        options: What is drawn.
        sample_rate: Of the crops, in Hz.
        seed: Another seed, another order of utterances.

    Raises:
        ManifestError: If there are no noises or rooms where they are needed.
    """

    speakers: Sequence[str] = ()

    def __init__(
        self,
        utterances: Sequence[Utterance],
        noises: Sequence[Noise],
        rooms: Sequence[Room],
        options: SeveralCropsOptions,
        sample_rate: int,
        *,
        seed: int,
    ) -> None:
        self.options = options
        self.sample_rate = sample_rate
        self._turns = EveryUtterance(in_order(utterances), options, seed)
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
        options: SeveralCropsOptions,
        sample_rate: int,
        noises: Sequence[Noise] | None = None,
        *,
        seed: int,
    ) -> Callable[[Sequence[Utterance]], CropsPlanner]:
        """From utterances to a planner; as `SpeechPlanner.maker`.

        Raises:
            ManifestError: If a manifest is wrong.
        """
        noises, rooms = noises_and_rooms(options, noises)
        return partial(
            cls, noises=noises, rooms=rooms, options=options, sample_rate=sample_rate, seed=seed
        )

    def draw(self, rng: np.random.Generator, number: int, attempt: int = 0) -> CropsPlan:
        """Decide example `number`; as `SpeechPlanner.draw`."""
        # In this order for ever: a new stage takes a new generator at the end.
        turn_rng, crops_rng = rng.spawn(2)
        utterance, speed = self._turns.at(number, attempt, turn_rng)

        def crops(seconds: float, count: int) -> tuple[EnrollmentPlan, ...]:
            drawn = []
            for crop_rng in crops_rng.spawn(count):
                place_rng, changes_rng = crop_rng.spawn(2)
                plan = draw_crop(place_rng, utterance, speed, seconds, self.sample_rate)
                drawn.append(self._augmentation.draw(changes_rng, plan))
            return tuple(drawn)

        return CropsPlan(
            str(number),
            tuple(crops(seconds, count) for seconds, count in self.options.counts.items()),
        )
