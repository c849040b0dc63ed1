"""What a config of a plain speaker encoder says: its sections, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from wesep_like.data.speech_dataset import TrainingSpeechOptions
from wesep_like.experiment.encoders import EncoderDataOptions, EncoderExperiment
from wesep_like.experiment.verification.losses import SpeakerLossOptions
from wesep_like.tasks.margin_schedule import MarginSchedule


@dataclass(frozen=True, kw_only=True)
class SpeechDataOptions(EncoderDataOptions):
    """The config section `data`.

    Attributes:
        train: What is cropped, and what happens to it.
    """

    train: TrainingSpeechOptions


@dataclass(frozen=True, kw_only=True)
class VerificationExperiment(EncoderExperiment):
    """A config of a plain speaker encoder, checked.

    Attributes:
        init: Of the base; and `head`: an experiment folder, whose losses told some of the same
            classes apart.
        losses: Of the embedding.
        margin_schedule: When margins come; null: at once.
    """

    parts: ClassVar[tuple[str, ...]] = ("speaker", "head")

    task: Literal["verification"]
    data: SpeechDataOptions
    losses: SpeakerLossOptions
    margin_schedule: MarginSchedule | None = None

    def problems(self) -> list[str]:
        """See the base."""
        problems = super().problems()
        train, batch_size = self.data.train, self.trainer.batch_size
        each = train.utterances_per_speaker
        if each is not None and batch_size % each:
            problems.append(
                f"data.train.utterances_per_speaker: expected a divisor of trainer.batch_size, "
                f"which is {batch_size}, got {each}"
            )
        for where in self.losses.with_any("compares_utterances"):
            if each is None or each < 2:
                problems.append(
                    f"{where}: compares utterances of one speaker within a batch. Set "
                    "data.train.utterances_per_speaker to 2 or more"
                )
        wrong_losses = self.losses.problems()
        problems.extend(wrong_losses)
        has_margin = wrong_losses or self.losses.with_any("has_margin")
        if self.margin_schedule is not None and not has_margin:
            problems.append("margin_schedule: no loss in losses.speaker has a margin. Remove it")
        return problems

    @property
    def crop_lengths(self) -> dict[str, float]:
        """See the base."""
        return {"crop_seconds": self.data.train.crop_seconds}
