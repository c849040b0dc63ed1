"""What a config of a plain speaker encoder says: its sections, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import nn

from wesep_like.audio import to_samples
from wesep_like.data.speech_dataset import TrainingSpeechOptions
from wesep_like.errors import ConfigError
from wesep_like.experiment.base import DataOptions, Experiment
from wesep_like.experiment.verification.losses import SpeakerLossOptions
from wesep_like.models.build import build_speaker, resolved_speaker
from wesep_like.models.speakers import SpeakerModule
from wesep_like.models.speakers.base import FbankEncoder
from wesep_like.tasks.margin_schedule import MarginSchedule


@dataclass(frozen=True)
class ValidTrialsOptions:
    """The config section `data.valid`.

    Attributes:
        trials: A list of trials with labels, `1 a b` or `a b target`.
        utterances: A manifest that has what the trials name. Null: `utterances.jsonl` beside the
            trials; what is not in it is the path of a file, as seen from there.
        max_seconds: So much of each utterance is heard, from its start; null for all of it.
    """

    trials: str
    utterances: str | None = None
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.max_seconds is not None and self.max_seconds <= 0:
            raise ConfigError(f"max_seconds: expected more than 0, got {self.max_seconds}")


@dataclass(frozen=True, kw_only=True)
class SpeechDataOptions(DataOptions):
    """The config section `data`.

    Attributes:
        train: What is cropped, and what happens to it.
        valid: What is validated on.
    """

    train: TrainingSpeechOptions
    valid: ValidTrialsOptions


@dataclass(frozen=True, kw_only=True)
class VerificationExperiment(Experiment):
    """A config of a plain speaker encoder, checked.

    Attributes:
        model: `speaker`: the encoder.
        init: Where first weights come from. `speaker`: an experiment or model folder, a published
            checkpoint (.pt), or `bundled`. `head`: an experiment folder, whose losses told some of
            the same classes apart.
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
        for line in train.augmentation.problems_at(self.sample_rate):
            problems.append(f"data.train.augmentation.{line}")
        return problems

    @staticmethod
    def build_model(section: Mapping[str, Any], sample_rate: int) -> SpeakerModule:
        """See the base."""
        return build_speaker(section, sample_rate, trust_code=True)

    @staticmethod
    def parts_of(model: nn.Module) -> dict[str, nn.Module]:
        """See the base."""
        return {"speaker": model}

    def problems_with(self, model: nn.Module | None) -> list[str]:
        """See the base."""
        problems: list[str] = []
        if model is None:
            return problems
        assert isinstance(model, SpeakerModule)
        if model.embed_dim is None:
            problems.append("model.speaker.name: gives no embedding. Expected a speaker encoder")
        if model.is_fixed:
            problems.append("model.speaker.name: cannot learn. Expected another encoder")
        train = self.data.train
        num_samples = to_samples(train.crop_seconds, self.sample_rate)
        if num_samples < model.min_samples:
            problems.append(
                f"data.train.crop_seconds: expected at least "
                f"{model.min_samples / self.sample_rate:g}, which the encoder wants, got "
                f"{train.crop_seconds:g}"
            )
        masks = train.augmentation.spec_augment
        if masks is not None and masks.probability > 0 and not isinstance(model, FbankEncoder):
            problems.append(
                "data.train.augmentation.spec_augment: the encoder has no filterbank features that "
                "could be masked. Expected null"
            )
        return problems

    def resolved_model(self) -> dict[str, Any]:
        """See the base."""
        return resolved_speaker(self.model)
