"""From a checked config of extraction to the parts of a run."""

from __future__ import annotations

from typing import cast

from wesep_like.data.dataset import FixedMixtures, evenly_spread
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.plans import MixturePlan, read_plans
from wesep_like.data.store import AudioStore
from wesep_like.data.training import training_mixtures
from wesep_like.errors import ManifestError, ModelFileError
from wesep_like.experiment.extraction.losses import build_speaker_head, build_waveform_losses
from wesep_like.experiment.extraction.sections import ExtractionExperiment
from wesep_like.experiment.parts import (
    check_batch_size,
    initialise_speaker,
    optimizer_maker,
    weights_of_part,
)
from wesep_like.interop.checkpoints import SUFFIXES
from wesep_like.models.build import build_tse
from wesep_like.models.model_file import WEIGHTS, load_weights, resolve_model_folder
from wesep_like.models.tse import PARTS, PartName, TSEModel
from wesep_like.tasks.extraction import ExtractionTask
from wesep_like.tasks.metric_gan import MetricGAN
from wesep_like.training.loaders import Loaders


def build_extraction(
    experiment: ExtractionExperiment, config_path: str
) -> tuple[ExtractionTask, Loaders]:
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
    check_batch_size(options.batch_size, model.speaker, config_path)
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

    waveform = build_waveform_losses(experiment.losses, config_path)
    head, head_weight = build_speaker_head(
        experiment.losses, model.speaker.embed_dim, len(train_mixtures.speakers), config_path
    )
    task = ExtractionTask(
        model,
        waveform,
        optimizer_maker(experiment),
        speaker_head=head,
        speaker_weight=head_weight,
        enrollments_recur=data.train.is_enrollment_recurring,
        self_enrollment=experiment.self_enrollment,
        metric_gan=None
        if experiment.metric_gan is None
        else MetricGAN(experiment.metric_gan, experiment.sample_rate),
        learning_rates=cast("dict[PartName, float]", experiment.optimizer.learning_rates),
        absent_loss=experiment.losses.absent,
    )
    return task, loaders


def _valid_plans(experiment: ExtractionExperiment) -> list[MixturePlan]:
    options = experiment.data.valid
    path, wanted = options.mixtures, options.num_mixtures
    plans = read_plans(path)
    if wanted is not None and wanted > len(plans):
        raise ManifestError(
            f"{path}: has {len(plans)} mixtures, and data.valid.num_mixtures asks for {wanted}. "
            "Ask for fewer, or set it to null"
        )
    if wanted is not None:
        plans = evenly_spread(plans, wanted)
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
    if part == "speaker":
        initialise_speaker(model.speaker, source)
        return
    if source.endswith(SUFFIXES):
        raise ModelFileError(f"{where}: {source} is no model folder, which this part needs")
    folder = resolve_model_folder(source)
    load_weights(model.get_submodule(part), weights_of_part(folder, part), folder / WEIGHTS)
