"""Plans for stretches of mixtures that exist."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from wesep_like.audio import to_samples
from wesep_like.data.manifest import Utterance, read_manifest
from wesep_like.data.premixed import PremixedMixture, PremixedSource, read_premixed
from wesep_like.data.simulation.draw.crops import choose_enrollment
from wesep_like.data.simulation.plans import Clip, EnrollmentPlan, MixturePlan, SourcePlan
from wesep_like.data.simulation.premixed import CuttingOptions, PremixedOptions
from wesep_like.errors import ManifestError


class PremixedPlanner:
    """Draws a mixture, one of its speakers, a stretch of it, and other speech of the speaker.

    A speaker of whom there is no other speech is never the target.

    Args:
        mixtures: What there is.
        utterances: To enroll the speakers with; None: the sources of the mixtures.
        options: How mixtures are cut.
        sample_rate: Of the plans, in Hz.

    Attributes:
        speakers: All that can be the target, in alphabetical order.

    Raises:
        ManifestError: If there is no such speaker.
    """

    def __init__(
        self,
        mixtures: Sequence[PremixedMixture],
        utterances: Sequence[Utterance] | None,
        options: CuttingOptions,
        sample_rate: int,
    ) -> None:
        self.options = options
        self.sample_rate = sample_rate
        if utterances is None:
            utterances = own_utterances(mixtures)
        self._utterances: dict[str, list[Utterance]] = {}
        for utterance in sorted(utterances, key=lambda utterance: (utterance.id, utterance.path)):
            self._utterances.setdefault(utterance.speaker, []).append(utterance)
        self.targets = [
            (mixture, number)
            for mixture in sorted(mixtures, key=lambda mixture: mixture.id)
            for number, source in enumerate(mixture.sources)
            if self._others(source)
        ]
        self.speakers = sorted({mixture.sources[n].speaker for mixture, n in self.targets})
        if not self.targets:
            raise ManifestError(
                f"{options.source}: no speaker in it has an utterance beside the one that is "
                "mixed, to be enrolled with. Name further ones in enrollments"
            )

    @classmethod
    def from_manifests(cls, options: PremixedOptions, sample_rate: int) -> PremixedPlanner:
        """A planner for the manifests that the options name.

        Raises:
            ManifestError: If a manifest is wrong, or has too little in it.
        """
        return cls.maker(options, sample_rate)(read_premixed(options.mixtures))

    @classmethod
    def maker(
        cls, options: CuttingOptions, sample_rate: int
    ) -> Callable[[Sequence[PremixedMixture]], PremixedPlanner]:
        """From mixtures to a planner, for other mixtures now and then; pickles.

        Raises:
            ManifestError: If the manifest of enrollments is wrong.
        """
        utterances = read_manifest(options.enrollments, Utterance) if options.enrollments else None
        return partial(cls, utterances=utterances, options=options, sample_rate=sample_rate)

    @property
    def manifest(self) -> str:
        """Where the mixtures are from, for messages."""
        return self.options.source

    def draw(
        self,
        rng: np.random.Generator,
        *,
        mixture_id: str = "",
        target: tuple[PremixedMixture, int] | None = None,
        enrollment: Clip | None = None,
    ) -> MixturePlan:
        """Decide one example.

        Args:
            rng: Where all of it comes from; it must be able to spawn (`np.random.default_rng` is).
            mixture_id: Becomes the plan's id.
            target: Takes this mixture, and its source of this number as the target.
            enrollment: Takes this enrollment.
        """
        # In this order for ever: a new stage takes a new generator at the end.
        targets, crops, enrollments = rng.spawn(3)
        if target is None:
            target = self.targets[int(targets.random() * len(self.targets))]
        mixture, number = target
        start, length, num_samples = self._draw_crop(crops, mixture)
        if enrollment is None:
            which, place = enrollments.random(2)
            others = self._others(mixture.sources[number])
            shortest, seconds = self.options.min_enrollment_seconds, self.options.enrollment_seconds
            enrollment = choose_enrollment(others, which, place, shortest, seconds)

        # One stretch for all: what is cut elsewhere than the mixture is no part of it.
        def clip(path: str) -> Clip:
            return Clip(path, start, length, mixture.sample_rate)

        voices = [SourcePlan(source.speaker, clip(source.path)) for source in mixture.sources]
        return MixturePlan(
            id=mixture_id,
            sample_rate=self.sample_rate,
            num_samples=num_samples,
            target=voices.pop(number),
            interferers=tuple(voices),
            enrollment=EnrollmentPlan(enrollment),
            mixture=clip(mixture.path),
        )

    def _others(self, source: PremixedSource) -> list[Utterance]:
        """Other speech of a source's speaker, by name and by file."""
        return [
            utterance
            for utterance in self._utterances.get(source.speaker, [])
            if utterance.id != source.utterance and utterance.path != source.path
        ]

    def _draw_crop(
        self, rng: np.random.Generator, mixture: PremixedMixture
    ) -> tuple[int, int, int]:
        """First sample and length in the files' own samples, and the length in the plan's."""
        rate, seconds = mixture.sample_rate, self.options.mixture_seconds
        num_samples = max(1, math.floor(mixture.num_samples * self.sample_rate / rate))
        if seconds is not None:
            num_samples = min(num_samples, to_samples(seconds, self.sample_rate))
        length = min(math.ceil(num_samples * rate / self.sample_rate), mixture.num_samples)
        start = int(rng.random() * (mixture.num_samples - length + 1))
        return start, length, num_samples


def own_utterances(mixtures: Sequence[PremixedMixture]) -> list[Utterance]:
    """The sources of all mixtures, each as a file of its own."""
    return [mixture.utterance(n) for mixture in mixtures for n in range(len(mixture.sources))]
