"""What a config says: its sections, checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from wesep_like.config.files import read_config
from wesep_like.config.sections import Problems, read_section
from wesep_like.data.simulation.options import MixingOptions
from wesep_like.data.simulation.sharded import ReadingOptions
from wesep_like.data.training import TrainingOptions
from wesep_like.errors import ConfigError
from wesep_like.experiment.losses import LossOptions, loss_problems
from wesep_like.metrics.pesq import RATES as PESQ_RATES
from wesep_like.models.build import build_tse, resolved_tse
from wesep_like.models.speakers import SPEAKERS
from wesep_like.models.tse import PARTS
from wesep_like.tasks.metric_gan import MetricGANOptions
from wesep_like.tasks.self_enrollment import SelfEnrollmentOptions
from wesep_like.training.engine import TrainerOptions
from wesep_like.training.optimizers import OptimizerOptions, ScheduleOptions


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


@dataclass(frozen=True)
class DataOptions:
    """The config section `data`; relative paths are relative to where the command runs.

    Attributes:
        train: What is mixed, and how; or mixtures that exist.
        valid: What is validated on.
        cache_megabytes: Memory for decoded audio, in each worker process.
        max_broken_share: Of what is read; if more of it is broken, the run ends.
    """

    train: TrainingOptions
    valid: ValidOptions
    cache_megabytes: float = 0.0
    max_broken_share: float = 0.05

    def __post_init__(self) -> None:
        if not 0 <= self.max_broken_share <= 1:
            raise ConfigError(f"max_broken_share: expected 0 to 1, got {self.max_broken_share!r}")


@dataclass(frozen=True)
class Experiment:
    """A config, checked.

    Attributes:
        task: What is learnt.
        model: See `build_tse`.
        init: Where the first weights of a part come from: an experiment or model folder, a
            published checkpoint of a speaker encoder (.pt), or `bundled`.
        freeze: Parts that stay as they are; an encoder that is an ONNX graph does anyway.
        seed: Another seed, other first weights and other mixtures.
        self_enrollment: Whether the model's estimates serve as enrollments in training.
        metric_gan: Whether a learnt PESQ is a further loss.
    """

    task: Literal["extraction"]
    model: dict[str, Any]
    data: DataOptions
    trainer: TrainerOptions
    sample_rate: int = 16000
    seed: int = 0
    init: dict[str, Any] = field(default_factory=dict)
    freeze: tuple[Literal["speaker", "separator", "fusions"], ...] = ()
    losses: LossOptions = field(default_factory=LossOptions)
    optimizer: OptimizerOptions = field(default_factory=OptimizerOptions)
    schedule: ScheduleOptions = field(default_factory=ScheduleOptions)
    self_enrollment: SelfEnrollmentOptions | None = None
    metric_gan: MetricGANOptions | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.sample_rate <= 0:
            problems.append(f"sample_rate: expected more than 0 Hz, got {self.sample_rate}")
        if self.seed < 0:
            problems.append(f"seed: expected at least 0, got {self.seed}")
        for part, source in self.init.items():
            if part not in PARTS:
                problems.append(f"init.{part}: no such part. Parts: {', '.join(PARTS)}")
            elif source is not None and not isinstance(source, str):
                problems.append(f"init.{part}: expected the path of a model, got {source!r}")
        for part in self.optimizer.learning_rates:
            if part not in PARTS:
                problems.append(
                    f"optimizer.learning_rates.{part}: no such part. Parts: {', '.join(PARTS)}"
                )
            elif part in self.freeze:
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
        if problems:
            raise ConfigError(problems)


def read_experiment(
    config_path: str | Path, overrides: Sequence[str] = ()
) -> tuple[Experiment, dict[str, Any]]:
    """The checked config, and the same as a mapping with every default written out.

    Raises:
        ConfigError: With everything that is wrong, each line with the file's name.
    """
    config = read_config(config_path, overrides)
    problems = Problems()
    experiment, num_estimates = None, None
    with problems.collecting():
        experiment = read_section(Experiment, config, "")
    with problems.collecting():
        if isinstance(config.get("model"), Mapping):
            # A wrong sample rate, told above, must not hide what is wrong with the model.
            rate = experiment.sample_rate if experiment else 16000
            with torch.device("meta"):
                model = build_tse(config["model"], rate, trust_code=True)
            num_estimates = model.separator.num_estimates
            if experiment is not None and not model.takes_masks:
                problems.lines.extend(_mask_problems(experiment.data.train))
    if experiment is not None:
        problems.lines.extend(loss_problems(experiment.losses, num_estimates))
    if experiment is None or problems.lines:
        raise ConfigError(f"{config_path}: {line}" for line in dict.fromkeys(problems.lines))
    return experiment, {
        **dataclasses.asdict(experiment),
        "model": resolved_tse(experiment.model),
    }


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
