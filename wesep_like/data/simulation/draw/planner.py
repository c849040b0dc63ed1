"""One plan from all that is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from wesep_like.data.manifest import Noise, Room, Utterance, read_manifest
from wesep_like.data.simulation.draw.augmentation import (
    EnrollmentAugmentation,
    draw_effects,
    draw_enrollment_seconds,
)
from wesep_like.data.simulation.draw.crops import Crops, Stretch
from wesep_like.data.simulation.draw.noises import Noises
from wesep_like.data.simulation.draw.rooms import Rooms
from wesep_like.data.simulation.draw.voices import Voices
from wesep_like.data.simulation.options import MixingOptions, SimulationOptions
from wesep_like.data.simulation.plans import EnrollmentPlan, MixturePlan, SourcePlan


class MixturePlanner:
    """Draws plans for mixtures of the given utterances.

    Args:
        utterances: Of at least one more speaker than there are interferers.
        noises: Used if options.noise_probability, or that of enrollments, is above 0.
        rooms: Used if options.room_probability, or that of enrollments, is above 0 and
            options.rooms given.
        options: How mixtures are made.
        sample_rate: Of the mixtures, in Hz.

    Raises:
        ManifestError: If there are too few speakers, or too few responses of a room.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        noises: Sequence[Noise],
        rooms: Sequence[Room],
        options: MixingOptions,
        sample_rate: int,
    ) -> None:
        self.options = options
        self.sample_rate = sample_rate
        self._voices = Voices(utterances, options)
        self._crops = Crops(self._voices, options, sample_rate)
        self._rooms = Rooms(rooms, options, sample_rate)
        self._noises = Noises(noises, options, sample_rate)
        self._enrollments = EnrollmentAugmentation(noises, rooms, options, sample_rate)

    @property
    def speakers(self) -> list[str]:
        """All speakers, in alphabetical order."""
        return self._voices.speakers

    @property
    def manifest(self) -> str:
        """Where the voices are from, for messages."""
        return self.options.source

    @classmethod
    def from_manifests(cls, options: SimulationOptions, sample_rate: int) -> MixturePlanner:
        """A planner for the manifests that the options name.

        Raises:
            ManifestError: If a manifest is wrong, or has too little in it.
        """
        return cls.maker(options, sample_rate)(read_manifest(options.utterances, Utterance))

    @classmethod
    def maker(
        cls, options: MixingOptions, sample_rate: int, noises: Sequence[Noise] | None = None
    ) -> Callable[[Sequence[Utterance]], MixturePlanner]:
        """From utterances to a planner, for other utterances now and then; pickles.

        Args:
            options: How mixtures are made.
            sample_rate: Of the mixtures, in Hz.
            noises: None: those of the manifest that the options name, if they do.

        Raises:
            ManifestError: If a manifest is wrong.
        """
        if noises is None:
            noises = read_manifest(options.noise, Noise) if options.noise else []
        rooms = read_manifest(options.rooms, Room) if options.rooms else []
        return partial(cls, noises=noises, rooms=rooms, options=options, sample_rate=sample_rate)

    def draw(
        self,
        rng: np.random.Generator,
        *,
        mixture_id: str = "",
        target: Utterance | None = None,
    ) -> MixturePlan:
        """Decide one mixture.

        Args:
            rng: Where all of it comes from; it must be able to spawn (`np.random.default_rng` is).
            mixture_id: Becomes the plan's id.
            target: Makes this utterance the target, for sets in which each utterance is one once.
        """
        options = self.options
        # In this order for ever: a new stage takes a new generator at the end.
        generators = rng.spawn(11)
        voices, crops, enrollment_rng, levels, speed_rng, room_rng, noise_rng = generators[:7]
        simulation_rng, effects_rng, seconds_rng, changes_rng = generators[7:]

        utterances = self._voices.draw(voices, target)
        speeds = [self._draw_speed(speed_rng) for _ in utterances]
        seconds = draw_enrollment_seconds(seconds_rng, options)
        enrolled, stretch = self._crops.draw_enrollment(
            enrollment_rng, utterances[0], speeds[0], seconds
        )
        enrollment = self._enrollments.draw(changes_rng, EnrollmentPlan(enrolled, speeds[0]))
        stretches = [stretch, *(Stretch(u, 0, u.num_samples) for u in utterances[1:])]
        num_samples = self._crops.num_samples(stretches, speeds)
        heard_in = self._rooms.draw(room_rng, simulation_rng, len(stretches))
        effects = draw_effects(effects_rng, options.augmentation, self.sample_rate, len(stretches))

        sources = []
        for number, (stretch, speed) in enumerate(zip(stretches, speeds, strict=True)):
            clip, offset = self._crops.draw_crop(crops, stretch, speed, num_samples)
            sir_db = float(levels.uniform(*options.sir_range_db)) if number > 0 else 0.0
            speaker = stretch.utterance.speaker
            response, direct = heard_in.responses[number], heard_in.direct_samples[number]
            sources.append(
                SourcePlan(speaker, clip, speed, offset, sir_db, response, direct, effects[number])
            )
        level_db = None
        if options.level_range_db is not None:
            # Its own child: the number of interferers must not move it.
            level_db = float(levels.spawn(1)[0].uniform(*options.level_range_db))
        return MixturePlan(
            id=mixture_id,
            sample_rate=self.sample_rate,
            num_samples=num_samples,
            target=sources[0],
            interferers=tuple(sources[1:]),
            enrollment=enrollment,
            noise=self._noises.draw(noise_rng, num_samples),
            level_db=level_db,
            target_kind=options.target_kind,
            room=heard_in.room,
        )

    def _draw_speed(self, rng: np.random.Generator) -> float:
        is_changed, place = rng.random() < self.options.speed_probability, rng.random()
        return self.options.speeds[int(place * len(self.options.speeds))] if is_changed else 1.0
