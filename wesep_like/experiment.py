"""From a config to a training run: the one place where all parts meet."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import nn

from wesep_like.config.atomic import make_folder
from wesep_like.config.files import read_config, write_config
from wesep_like.config.sections import Problems, located, read_section
from wesep_like.data.dataset import FixedMixtures
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.options import MixingOptions
from wesep_like.data.simulation.plans import MixturePlan, read_plans
from wesep_like.data.simulation.sharded import ReadingOptions
from wesep_like.data.store import AudioStore
from wesep_like.data.training import TrainingOptions, training_mixtures
from wesep_like.errors import ConfigError, ManifestError, ModelFileError, OutputError
from wesep_like.inference.device import find_device
from wesep_like.interop.checkpoints import SUFFIXES, read_published_encoder
from wesep_like.losses import CLASSIFIERS, LOSSES, AbsentTargetLoss
from wesep_like.metrics.pesq import RATES as PESQ_RATES
from wesep_like.models.build import build_tse, resolved_tse
from wesep_like.models.model_file import (
    CONFIG,
    WEIGHTS,
    load_weights,
    read_model_config,
    read_weights,
    resolve_model_folder,
)
from wesep_like.models.speakers import SPEAKERS
from wesep_like.models.tse import PARTS, PartName, TSEModel
from wesep_like.tasks.extraction import ExtractionTask, Weighted
from wesep_like.tasks.metric_gan import MetricGAN, MetricGANOptions
from wesep_like.tasks.self_enrollment import SelfEnrollmentOptions
from wesep_like.training import engine
from wesep_like.training.engine import TrainerOptions
from wesep_like.training.loaders import Loaders
from wesep_like.training.optimizers import OptimizerOptions, ScheduleOptions

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ValidOptions:
    """The config section `data.valid`.

    Attributes:
        mixtures: A file of plans: the same mixtures at every validation.
    """

    mixtures: str


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
class LossOptions:
    """The config section `losses`.

    Attributes:
        waveform: Losses of an estimate, each with `name`, `weight` (1 if not given), `estimate` (0,
            the answer, if not given; others where a separator makes several) and options.
        speaker: A classifier of the training speakers, likewise, where the speaker module learns.
        absent: What takes the place of the losses of waveforms where the enrolled speaker does not
            speak.
    """

    waveform: tuple[dict[str, Any], ...] = ({"name": "neg_si_sdr", "weight": 1.0},)
    speaker: dict[str, Any] | None = None
    absent: AbsentTargetLoss = field(default_factory=AbsentTargetLoss)

    def __post_init__(self) -> None:
        if not self.waveform:
            raise ConfigError("waveform: expected at least one loss, got an empty list")


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


def train(
    config_path: str | Path,
    overrides: Sequence[str],
    output: str | Path,
    *,
    resume: bool = False,
    device: str = "auto",
) -> None:
    """Trains as a config says.

    Args:
        config_path: YAML.
        overrides: `key.path=value` each.
        output: The experiment folder.
        resume: Go on from the last checkpoint in it; without one, start.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        ConfigError: With everything that is wrong with the config.
        OutputError: If the folder has another run in it, or cannot be made.
        WesepLikeError: If data or first weights cannot be used.
    """
    place = find_device(device)
    experiment, resolved = read_experiment(config_path, overrides)
    output = Path(output)
    checkpoint = _find_checkpoint(output, resolved, resume)
    engine.seed(experiment.seed)
    task, loaders = build(experiment, str(config_path))
    write_config(make_folder(output) / CONFIG, resolved)
    engine.fit(
        task, loaders, output, experiment.trainer, resolved, device=place, checkpoint=checkpoint
    )


def check(config_path: str | Path, overrides: Sequence[str] = ()) -> str:
    """Says what a config describes, after all checks that need no data.

    Raises:
        ConfigError: With everything that is wrong.
    """
    experiment, _ = read_experiment(config_path, overrides)
    with torch.device("meta"):
        model = build_tse(experiment.model, experiment.sample_rate, trust_code=True)
    sizes = {part: _num_parameters(model.get_submodule(part)) for part in PARTS}
    listed = ", ".join(f"{part} {size / 1e6:.2f} M" for part, size in sizes.items())
    return (
        f"{config_path}: fine. {sum(sizes.values()) / 1e6:.2f} M parameters ({listed}), "
        f"{experiment.trainer.num_steps} steps"
    )


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
        problems.lines.extend(_loss_problems(experiment.losses, num_estimates))
    if experiment is None or problems.lines:
        raise ConfigError(f"{config_path}: {line}" for line in dict.fromkeys(problems.lines))
    return experiment, {
        **dataclasses.asdict(experiment),
        "model": resolved_tse(experiment.model),
    }


def build(experiment: Experiment, config_path: str) -> tuple[ExtractionTask, Loaders]:
    """The parts of a run, put together.

    Args:
        experiment: What is wanted.
        config_path: Named in messages.

    Raises:
        WesepLikeError: If data or first weights cannot be used.
    """
    model = build_tse(experiment.model, experiment.sample_rate, trust_code=True)
    if experiment.init.get("speaker") is None:
        model.speaker.load_pretrained()
    for part in PARTS:
        source = experiment.init.get(part)
        if source is not None:
            _initialise(model, part, source, f"{config_path}: init.{part}")
    model.freeze(experiment.freeze)
    options = experiment.trainer
    if options.batch_size == 1 and _learns_statistics(model.speaker):
        raise ConfigError(
            f"{config_path}: trainer.batch_size: expected at least 2 where a speaker module with "
            "BatchNorm learns, got 1"
        )

    data = experiment.data
    store = AudioStore(experiment.sample_rate, cache_megabytes=data.cache_megabytes)
    train_mixtures = training_mixtures(
        data.train,
        store,
        seed=experiment.seed,
        batch_size=options.batch_size,
        max_broken_share=data.max_broken_share,
    )
    loaders = Loaders(
        train_mixtures,
        FixedMixtures(_valid_plans(experiment), store),
        collate,
        batch_size=options.batch_size,
        batches_per_step=options.accumulate_batches,
        num_workers=options.num_workers,
    )

    def make_optimizer(groups: list[dict[str, Any]]) -> tuple[Any, Any]:
        optimizer = experiment.optimizer.build(groups)
        return optimizer, experiment.schedule.build(optimizer, options.num_steps)

    losses, head, head_weight = experiment.losses, None, 0.0
    waveform = []
    for number, section in enumerate(losses.waveform):
        term = _term(section)
        where = f"{config_path}: losses.waveform[{number}]"
        name = section["name"] + (f"_{term.estimate + 1}" if term.estimate else "")
        loss = LOSSES.build(term.options, where)
        waveform.append(Weighted(name, loss, term.weight, term.estimate))
    if losses.speaker is not None:
        if model.speaker.embed_dim is None:
            raise ConfigError(
                f"{config_path}: losses.speaker: the speaker module gives no embedding to "
                "classify. Expected null"
            )
        term = _term(losses.speaker)
        head_weight = term.weight
        head = CLASSIFIERS.build(
            term.options,
            f"{config_path}: losses.speaker",
            embed_dim=model.speaker.embed_dim,
            num_speakers=len(train_mixtures.speakers),
        )
    task = ExtractionTask(
        model,
        waveform,
        make_optimizer,
        speaker_head=head,
        speaker_weight=head_weight,
        enrollments_recur=data.train.is_enrollment_recurring,
        self_enrollment=experiment.self_enrollment,
        metric_gan=None
        if experiment.metric_gan is None
        else MetricGAN(experiment.metric_gan, experiment.sample_rate),
        learning_rates=cast("dict[PartName, float]", experiment.optimizer.learning_rates),
        absent_loss=losses.absent,
    )
    return task, loaders


@dataclass(frozen=True)
class _Term:
    """A term of the loss: name and options of what computes it, its weight, and of what."""

    options: dict[str, Any]
    weight: float
    estimate: int


def _term(section: Mapping[str, Any]) -> _Term:
    """A section of the losses, read.

    Raises:
        ConfigError: If the weight is none, or the number of the estimate.
    """
    options = dict(section)
    weight = options.pop("weight", 1.0)
    if type(weight) not in (int, float) or weight < 0:
        raise ConfigError(f"weight: expected a number of at least 0, got {weight!r}")
    estimate = options.pop("estimate", 0)
    if type(estimate) is not int or estimate < 0:
        raise ConfigError(f"estimate: expected a whole number of at least 0, got {estimate!r}")
    return _Term(options, float(weight), estimate)


def _loss_problems(losses: LossOptions, num_estimates: int | None) -> list[str]:
    """Everything wrong in the sections of the losses.

    Args:
        losses: The sections.
        num_estimates: How many the separator makes; None if it could not be built.
    """
    problems = Problems()
    for number, section in enumerate(losses.waveform):
        where = f"losses.waveform[{number}]"
        with problems.collecting(), located(where):
            term = _term(section)
            problems.lines.extend(LOSSES.problems(term.options, where))
            if num_estimates is not None and term.estimate >= num_estimates:
                problems.add(
                    f"{where}.estimate: expected a number below {num_estimates}, as many as the "
                    f"separator makes, got {term.estimate}"
                )
    if losses.speaker is not None:
        with problems.collecting(), located("losses.speaker"):
            options = _term(losses.speaker).options
            problems.lines.extend(CLASSIFIERS.problems(options, "losses.speaker"))
    return problems.lines


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


def _valid_plans(experiment: Experiment) -> list[MixturePlan]:
    path = experiment.data.valid.mixtures
    plans = read_plans(path)
    for plan in plans:
        if plan.sample_rate != experiment.sample_rate:
            raise ManifestError(
                f"{path}: mixture {plan.id!r} is at {plan.sample_rate} Hz, but the config's "
                f"sample_rate is {experiment.sample_rate}. Prepare the data at that rate"
            )
    if not any(plan.has_target for plan in plans):
        raise ManifestError(
            f"{path}: the target speaks in no mixture, so that none tells which model is best. "
            "Add some in which it does"
        )
    return plans


def _initialise(model: TSEModel, part: PartName, source: str, where: str) -> None:
    """Copies the weights of one part from a model file or a published checkpoint."""
    module = model.get_submodule(part)
    if source.endswith(SUFFIXES):
        if part != "speaker":
            raise ModelFileError(f"{where}: {source} is no model folder, which this part needs")
        load_weights(module, read_published_encoder(source), source)
        return
    folder = resolve_model_folder(source)
    weights = read_weights(folder / WEIGHTS)
    if read_model_config(folder)["task"] == "extraction":
        prefix = f"{part}."
        weights = {k[len(prefix) :]: v for k, v in weights.items() if k.startswith(prefix)}
    load_weights(module, weights, folder / WEIGHTS)


def _find_checkpoint(output: Path, resolved: Mapping[str, Any], resume: bool) -> Path | None:
    """The checkpoint to go on from, or None to start."""
    checkpoint = output / engine.LAST_CHECKPOINT
    if not resume:
        if checkpoint.exists():
            raise OutputError(
                f"{output}: has a run in it. Go on with it by --resume, or name another folder"
            )
        return None
    if not checkpoint.exists():
        _log.info("%s: no checkpoint yet, so the run starts at its first step", output)
        return None
    before = read_config(output / CONFIG)
    # How long and how often may change; what is learnt from what may not.
    changed = [
        key
        for key in dict.fromkeys([*before, *resolved])
        if key != "trainer" and before.get(key) != _as_yaml(resolved.get(key))
    ]
    if changed:
        raise ConfigError(
            f"{output / CONFIG}: the run was started with another {', '.join(changed)}. "
            "Resume with the same config, or name another folder"
        )
    return checkpoint


def _as_yaml(value: Any) -> Any:
    """The value as it comes back from a YAML file: with lists for tuples."""
    if isinstance(value, Mapping):
        return {key: _as_yaml(entry) for key, entry in value.items()}
    return [_as_yaml(entry) for entry in value] if isinstance(value, list | tuple) else value


def _is_speaker_fixed(model: Mapping[str, Any]) -> bool:
    """Whether the speaker module of a section `model` cannot learn."""
    if model.get("speaker") is None:
        return False
    try:
        return SPEAKERS.find(model["speaker"], "").is_fixed
    except ConfigError:
        return False  # there is none; told where the model is built


def _learns_statistics(module: nn.Module) -> bool:
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d)
    return any(part.training for part in module.modules() if isinstance(part, kinds))


def _num_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
