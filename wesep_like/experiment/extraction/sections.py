"""What a config of extraction says: its sections, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from torch import nn

from wesep_like.data.simulation.options import MixingOptions
from wesep_like.data.simulation.sharded import ReadingOptions
from wesep_like.data.training import TrainingOptions
from wesep_like.errors import ConfigError
from wesep_like.experiment.base import DataOptions, Experiment
from wesep_like.experiment.extraction.losses import LossOptions, loss_problems
from wesep_like.metrics.pesq import RATES as PESQ_RATES
from wesep_like.models.build import build_tse, resolved_tse
from wesep_like.models.speakers import SPEAKERS
from wesep_like.models.tse import PARTS, TSEModel
from wesep_like.tasks.metric_gan import MetricGANOptions
from wesep_like.tasks.self_enrollment import SelfEnrollmentOptions


@dataclass(frozen=True)
class ValidOptions:
    """The config section `data.valid`.

    Attributes:
        mixtures: A file of plans: the same mixtures at every validation.
        num_mixtures: Only so many of them, evenly spread over the file; null is all.
    """

    mixtures: str
    num_mixtures: int | None = None

    def __post_init__(self) -> None:
        if self.num_mixtures is not None and self.num_mixtures < 1:
            raise ConfigError(f"num_mixtures: expected at least 1, got {self.num_mixtures}")


@dataclass(frozen=True, kw_only=True)
class MixtureDataOptions(DataOptions):
    """The config section `data`.

    Attributes:
        train: What is mixed, and how; or mixtures that exist.
        valid: What is validated on.
    """

    train: TrainingOptions
    valid: ValidOptions


@dataclass(frozen=True, kw_only=True)
class ExtractionExperiment(Experiment):
    """A config of extraction, checked.

    Attributes:
        model: See `build_tse`.
        init: Where the first weights of a part come from: an experiment or model folder, a
            published checkpoint of a speaker encoder (.pt), or `bundled`.
        freeze: Parts that stay as they are; an encoder that is an ONNX graph does anyway.
        self_enrollment: Whether the model's estimates serve as enrollments in training.
        metric_gan: Whether a learnt PESQ is a further loss.
    """

    parts: ClassVar[tuple[str, ...]] = PARTS

    task: Literal["extraction"]
    data: MixtureDataOptions
    freeze: tuple[Literal["speaker", "separator", "fusions"], ...] = ()
    losses: LossOptions = field(default_factory=LossOptions)
    self_enrollment: SelfEnrollmentOptions | None = None
    metric_gan: MetricGANOptions | None = None

    def problems(self) -> list[str]:
        """See the base."""
        problems = super().problems()
        for part in self.optimizer.learning_rates:
            if part in self.freeze:
                problems.append(
                    f"optimizer.learning_rates.{part}: has nothing to say, as the part is frozen"
                )
        is_fixed = _is_speaker_fixed(self.model)
        is_taught = self.init.get("speaker") is not None
        if is_fixed and is_taught:
            problems.append("init.speaker: the speaker module brings its weights. Expected null")
        if "speaker" in self.freeze and not is_taught and not is_fixed:
            problems.append("freeze: a speaker module that nothing taught. Set init.speaker too")
        if ("speaker" in self.freeze or is_fixed) and self.losses.speaker is not None:
            problems.append("losses.speaker: has nothing to teach, as the speaker module is frozen")
        train = self.data.train
        has_speakers = not isinstance(train, ReadingOptions) or train.speakers is not None
        if self.losses.speaker is not None and not has_speakers:
            problems.append(
                "data.train.speakers: missing, but losses.speaker tells speakers apart. Give the "
                "speakers.txt that 'wesep-like shard' writes, or remove losses.speaker"
            )
        if isinstance(train, MixingOptions):
            for name in ("augmentation", "enrollment_augmentation"):
                for line in getattr(train, name).problems_at(self.sample_rate):
                    problems.append(f"data.train.{name}.{line}")
        if self.metric_gan is not None and self.sample_rate not in PESQ_RATES:
            problems.append(
                f"metric_gan: PESQ is defined at {' and '.join(map(str, PESQ_RATES))} Hz, and "
                f"sample_rate is {self.sample_rate}. Remove the section"
            )
        return problems

    @staticmethod
    def build_model(section: Mapping[str, Any], sample_rate: int) -> TSEModel:
        """See the base."""
        return build_tse(section, sample_rate, trust_code=True)

    @staticmethod
    def parts_of(model: nn.Module) -> dict[str, nn.Module]:
        """See the base."""
        return {part: model.get_submodule(part) for part in PARTS}

    def problems_with(self, model: nn.Module | None) -> list[str]:
        """See the base."""
        if model is None:
            return loss_problems(self.losses, None)
        assert isinstance(model, TSEModel)
        masks = [] if model.takes_masks else _mask_problems(self.data.train)
        return [*masks, *loss_problems(self.losses, model.separator.num_estimates)]

    def resolved_model(self) -> dict[str, Any]:
        """See the base."""
        return resolved_tse(self.model)


def _mask_problems(options: TrainingOptions) -> list[str]:
    """What is wrong if the speaker module has no features to lay masks over."""
    if not isinstance(options, MixingOptions):
        return []
    masks = options.enrollment_augmentation.spec_augment
    if masks is None or masks.probability == 0:
        return []
    return [
        "data.train.enrollment_augmentation.spec_augment: the speaker module has no filterbank "
        "features that could be masked. Expected null"
    ]


def _is_speaker_fixed(model: Mapping[str, Any]) -> bool:
    """Whether the speaker module of a section `model` cannot learn."""
    if model.get("speaker") is None:
        return False
    try:
        return SPEAKERS.find(model["speaker"], "").is_fixed
    except ConfigError:
        return False  # there is none; told where the model is built
