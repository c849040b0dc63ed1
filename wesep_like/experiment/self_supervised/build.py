"""From a checked config of an encoder that learns without labels to the parts of a run."""

from __future__ import annotations

from wesep_like.data.crops import collate_crops
from wesep_like.data.speech import collate_speech
from wesep_like.data.speech_dataset import training_crops
from wesep_like.data.store import AudioStore
from wesep_like.experiment.encoders import first_encoder, validation
from wesep_like.experiment.parts import optimizer_maker
from wesep_like.experiment.self_supervised.sections import SelfSupervisedExperiment
from wesep_like.tasks.self_supervised import METHODS, SelfSupervisedTask
from wesep_like.training.loaders import Loaders


def build_self_supervised(
    experiment: SelfSupervisedExperiment, config_path: str
) -> tuple[SelfSupervisedTask, Loaders]:
    """The parts of a run, put together.

    Args:
        experiment: What is wanted.
        config_path: Named in messages.

    Raises:
        WesepLikeError: If data or first weights cannot be used.
    """
    encoder = first_encoder(experiment, config_path)
    options, data = experiment.trainer, experiment.data
    train = training_crops(
        data.train,
        AudioStore(experiment.sample_rate, cache_megabytes=data.cache_megabytes),
        seed=experiment.seed,
        batch_size=options.batch_size,
        max_broken_share=data.max_broken_share,
    )
    trials, valid = validation(experiment)
    loaders = Loaders(
        train,
        valid,
        collate_crops,
        collate_valid=collate_speech,
        batch_size=options.batch_size,
        batches_per_step=options.accumulate_batches,
        num_workers=options.num_workers,
    )
    task = SelfSupervisedTask(
        encoder,
        METHODS.build(experiment.method, f"{config_path}: method", embed_dim=encoder.embed_dim),
        optimizer_maker(experiment),
        trials=trials,
        learning_rates=experiment.optimizer.learning_rates,
    )
    return task, loaders
