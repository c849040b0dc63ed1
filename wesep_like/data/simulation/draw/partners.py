"""Who speaks beside the target, or in its place: someone who sounds like it, if wanted."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from wesep_like.data.manifest import Utterance
from wesep_like.data.nearest_speakers import nearest_speakers
from wesep_like.data.simulation.draw.voices import Voices
from wesep_like.data.simulation.options import MixingOptions
from wesep_like.errors import ManifestError


class Partners:
    """The choice of other speakers by what they have in common with the target.

    Args:
        voices: Who there is.
        options: How mixtures are made.

    Raises:
        ManifestError: If the sex of no speaker is known, or speakers have no embedding, where these
            are asked for.
    """

    def __init__(self, voices: Voices, options: MixingOptions) -> None:
        self.options = options
        self._voices = voices
        utterances = [u for speaker in voices.speakers for u in voices.of(speaker)]
        self._of_sex: dict[str, list[str]] = {}
        self._sex_of: dict[str, str] = {}
        for utterance in utterances:
            if utterance.sex is not None:
                self._sex_of[utterance.speaker] = utterance.sex
        for speaker, sex in sorted(self._sex_of.items()):
            self._of_sex.setdefault(sex, []).append(speaker)
        if options.same_sex_probability > 0 and not self._of_sex:
            raise ManifestError(
                f"{options.source}: no utterance has a sex, but same_sex_probability is above "
                "0. Add the field, or set that to 0"
            )
        hard = options.hard_interferers
        self._nearest = (
            nearest_speakers(hard.embeddings, utterances, hard.nearest, options.source)
            if hard is not None and hard.probability > 0
            else {}
        )

    def draw(self, rng: np.random.Generator, utterances: Sequence[Utterance]) -> list[Utterance]:
        """The utterances, the target's first; some others replaced by those of likelier voices."""
        chosen = list(utterances)
        for number in range(1, len(chosen)):
            taken = {u.speaker for place, u in enumerate(chosen) if place != number}
            chosen[number] = self._alike(rng, chosen[0].speaker, taken) or chosen[number]
        return chosen

    def draw_stand_in(
        self, rng: np.random.Generator, utterances: Sequence[Utterance]
    ) -> Utterance | None:
        """What is said in the target's place, by a further speaker; None if the target speaks."""
        is_absent, which, place = rng.random(3)
        if is_absent >= self.options.absent_probability:
            return None
        taken = {u.speaker for u in utterances}
        alike = self._alike(rng, utterances[0].speaker, taken)
        others = [speaker for speaker in self._voices.speakers if speaker not in taken]
        return alike or self._voices.choose(others, which, place)

    def _alike(
        self, rng: np.random.Generator, speaker: str, taken: Collection[str]
    ) -> Utterance | None:
        """An utterance of someone like `speaker`, and none of `taken`; None if not wanted."""
        is_hard, is_same_sex, which, place = rng.random(4)
        hard = self.options.hard_interferers
        alike: Sequence[str] = ()
        if hard is not None and is_hard < hard.probability:
            alike = self._nearest[speaker]
        elif is_same_sex < self.options.same_sex_probability and speaker in self._sex_of:
            alike = self._of_sex[self._sex_of[speaker]]
        free = [other for other in alike if other not in taken]
        return self._voices.choose(free, which, place) if free else None
