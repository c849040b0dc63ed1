"""What a config says of a speaker encoder that learns without labels: its sections, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from wesep_like.config.sections import Problems
from wesep_like.data.speech_dataset import TrainingCropsOptions
from wesep_like.errors import ConfigError
from wesep_like.experiment.encoders import EncoderDataOptions, EncoderExperiment
from wesep_like.models.speakers import SpeakerModule
from wesep_like.tasks.self_supervised import METHODS


@dataclass(frozen=True, kw_only=True)
class CropsDataOptions(EncoderDataOptions):
    """The config section `data`.

    Attributes:
        train: What is cropped several times, and what happens to it.
    """

    train: TrainingCropsOptions


@dataclass(frozen=True, kw_only=True)
class SelfSupervisedExperiment(EncoderExperiment):
    """A config of a speaker encoder that learns without labels, checked.

    Attributes:
        method: How it learns: a name and options.
    """

    parts: ClassVar[tuple[str, ...]] = ("speaker",)

    task: Literal["self_supervised"]
    data: CropsDataOptions
    method: dict[str, Any]

    def problems(self) -> list[str]:
        """See the base."""
        problems = super().problems()
        try:
            method = METHODS.find(self.method, "method")
        except ConfigError:
            return problems  # told with all else that is wrong with it
        num_crops = sum(self.data.train.counts.values())
        if method.num_crops is not None and num_crops != method.num_crops:
            problems.append(
                f"data.train.crops: expected {method.num_crops} of each utterance for method "
                f"{self.method['name']}, got {num_crops}"
            )
        if method.compares_batch and self.trainer.batch_size < 2:
            problems.append(
                f"trainer.batch_size: expected at least 2 for method {self.method['name']}, which "
                f"tells the utterances of a batch apart, got {self.trainer.batch_size}"
            )
        if method.keeps_teacher and self.trainer.ema_decay is not None:
            problems.append(
                f"trainer.ema_decay: what method {self.method['name']} keeps is an average of "
                "weights already. Expected null"
            )
        return problems

    @property
    def crop_lengths(self) -> dict[str, float]:
        """See the base."""
        sections = enumerate(self.data.train.crops)
        return {f"crops[{number}].seconds": section.seconds for number, section in sections}

    def problems_with(self, model: nn.Module | None) -> list[str]:
        """See the base."""
        assert model is None or isinstance(model, SpeakerModule)
        problems = Problems()
        with problems.collecting(), torch.device("meta"):
            # Its constructor refuses some numbers, of an encoder of whatever width.
            METHODS.build(self.method, "method", embed_dim=(model and model.embed_dim) or 1)
        return [*problems.lines, *super().problems_with(model)]
