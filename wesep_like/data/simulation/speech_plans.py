"""Plans of examples of a plain speaker encoder: a voice alone."""

from __future__ import annotations

from dataclasses import dataclass

from wesep_like.data.simulation.plans import EnrollmentPlan


@dataclass(frozen=True)
class SpeechPlan:
    """A stretch of speech as an encoder hears it: exactly as an enrollment is heard.

    Args:
        id: Of the example.
        speaker: Who speaks.
        heard: What of it, and what is done to it.
    """

    id: str
    speaker: str
    heard: EnrollmentPlan


@dataclass(frozen=True)
class CropsPlan:
    """Several crops of one utterance, each heard as an enrollment is.

    Args:
        id: Of the example.
        heard: Those of each length, the longest first.
    """

    id: str
    heard: tuple[tuple[EnrollmentPlan, ...], ...]
