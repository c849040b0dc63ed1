"""One plan from all that is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from wesep_like.data.manifest import Noise, Room, Utterance, read_manifest
from wesep_like.data.simulation.draw.augmentation import (
    EnrollmentAugmentation,
    draw_effects,
    draw_enrollment_seconds,
)
from wesep_like.data.simulation.draw.crops import Crops, whole
from wesep_like.data.simulation.draw.loudness import with_loudness
from wesep_like.data.simulation.draw.noises import Noises
from wesep_like.data.simulation.draw.partners import Partners
from wesep_like.data.simulation.draw.rooms import Rooms
from wesep_like.data.simulation.draw.speeds import draw_speed
from wesep_like.data.simulation.draw.timing import Slot, Timing
from wesep_like.data.simulation.draw.voices import Voices
from wesep_like.data.simulation.options import MixingOptions, SimulationOptions
from wesep_like.data.simulation.plans import EnrollmentPlan, MixturePlan, SourcePlan


class MixturePlanner:
    """Draws plans for mixtures of the given utterances.

    Args:
        utterances: Of at least one more speaker than there are interferers, and a further one for
            where the target is absent.
        noises: Used if options.noise_probability, or that of enrollments, is above 0 and
            options.noise given.
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
        self._partners = Partners(self._voices, options)
        self._crops = Crops(self._voices, options, sample_rate)
        self._timing = Timing(options, sample_rate)
        self._rooms = Rooms(
            rooms,
            options,
            sample_rate,
            probability=options.room_probability,
            max_sources=options.max_sources,
        )
        self._noises = Noises(
            noises,
            options,
            sample_rate,
            probability=options.noise_probability,
            snr_range_db=options.snr_range_db,
        )
        self._enrollments = EnrollmentAugmentation(
            noises, rooms, options, options.enrollment_augmentation, sample_rate
        )

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
        generators = rng.spawn(15)
        voices, crops, enrollment_rng, levels, speed_rng, room_rng, noise_rng = generators[:7]
        simulation_rng, effects_rng, seconds_rng, changes_rng = generators[7:11]
        partner_rng, absence_rng, timing_rng, loudness_rng = generators[11:]

        utterances = self._partners.draw(partner_rng, self._voices.draw(voices, target))
        speeds = [draw_speed(speed_rng, options) for _ in utterances]
        seconds = draw_enrollment_seconds(seconds_rng, options)
        enrolled, stretch = self._crops.draw_enrollment(
            enrollment_rng, utterances[0], speeds[0], seconds
        )
        enrollment = self._enrollments.draw(changes_rng, EnrollmentPlan(enrolled, speeds[0]))
        stretches = [stretch, *(whole(utterance) for utterance in utterances[1:])]
        # Those who are heard: an absent target's place in room and time is a further speaker's.
        heard, heard_speeds = list(stretches), list(speeds)
        stand_in = self._partners.draw_stand_in(absence_rng, utterances)
        if stand_in is not None:
            heard[0], heard_speeds[0] = whole(stand_in), draw_speed(absence_rng, options)
        slots: Sequence[Slot | None] = [None] * len(heard)
        num_samples = self._crops.num_samples(heard, heard_speeds)
        timeline = self._timing.draw(timing_rng, self._crops.lengths(heard, heard_speeds))
        if timeline is not None:
            num_samples, slots = timeline.num_samples, timeline.slots
        heard_in = self._rooms.draw(room_rng, simulation_rng, len(stretches))
        effects = draw_effects(effects_rng, options.augmentation, self.sample_rate, len(stretches))

        sources = []
        for number, (stretch, speed) in enumerate(zip(stretches, speeds, strict=True)):
            slot = slots[number] if stretch is heard[number] else None
            clip, offset = self._crops.draw_crop(crops, stretch, speed, num_samples, slot)
            sir_db = float(levels.uniform(*options.sir_range_db)) if number > 0 else 0.0
            speaker = stretch.utterance.speaker
            response, direct = heard_in.responses[number], heard_in.direct_samples[number]
            sources.append(
                SourcePlan(speaker, clip, speed, offset, sir_db, response, direct, effects[number])
            )
        noise = self._noises.draw(noise_rng, num_samples)
        room = heard_in.room
        if options.loudness is not None:
            sources, noise = with_loudness(loudness_rng, options.loudness, sources, noise)
        if stand_in is not None:
            speaker, speed = stand_in.speaker, heard_speeds[0]
            crop = self._crops.draw_crop(absence_rng, heard[0], speed, num_samples, slots[0])
            clip, offset = crop
            sources.insert(
                1, replace(sources[0], speaker=speaker, clip=clip, speed=speed, offset=offset)
            )
            if room is not None:  # both in the one place
                room = replace(room, sources_m=(room.sources_m[0], *room.sources_m))
        level_db = None
        if options.level_range_db is not None and options.loudness is None:
            # Its own child: the number of interferers must not move it.
            level_db = float(levels.spawn(1)[0].uniform(*options.level_range_db))
        return MixturePlan(
            id=mixture_id,
            sample_rate=self.sample_rate,
            num_samples=num_samples,
            target=sources[0],
            interferers=tuple(sources[1:]),
            enrollment=enrollment,
            noise=noise,
            level_db=level_db,
            target_kind=options.target_kind,
            room=room,
            has_target=stand_in is None,
        )
