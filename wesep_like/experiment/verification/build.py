"""From a checked config of a plain speaker encoder to the parts of a run."""

from __future__ import annotations

from wesep_like.data.speech import collate_speech
from wesep_like.data.speech_dataset import training_speech
from wesep_like.data.store import AudioStore
from wesep_like.experiment.encoders import first_encoder, validation
from wesep_like.experiment.parts import optimizer_maker
from wesep_like.experiment.verification.head import initialise_head
from wesep_like.experiment.verification.losses import build_speaker_losses
from wesep_like.experiment.verification.sections import VerificationExperiment
from wesep_like.tasks.verification import VerificationTask
from wesep_like.training.loaders import Loaders


def build_verification(
    experiment: VerificationExperiment, config_path: str
) -> tuple[VerificationTask, Loaders]:
    """The parts of a run, put together.

    Args:
        experiment: What is wanted.
        config_path: Named in messages.

    Raises:
        WesepLikeError: If data or first weights cannot be used.
    """
    model = first_encoder(experiment, config_path)
    options, data = experiment.trainer, experiment.data
    store = AudioStore(experiment.sample_rate, cache_megabytes=data.cache_megabytes)
    train = training_speech(
        data.train,
        store,
        seed=experiment.seed,
        batch_size=options.batch_size,
        max_broken_share=data.max_broken_share,
    )
    trials, valid = validation(experiment)
    loaders = Loaders(
        train,
        valid,
        collate_speech,
        batch_size=options.batch_size,
        batches_per_step=options.accumulate_batches,
        num_workers=options.num_workers,
    )
    assert model.embed_dim is not None
    losses = build_speaker_losses(
        experiment.losses, model.embed_dim, len(train.classes), config_path
    )
    if experiment.init.get("head") is not None:
        where = f"{config_path}: init.head"
        initialise_head(losses, train.classes, experiment.init["head"], where)
    task = VerificationTask(
        model,
        losses,
        optimizer_maker(experiment),
        classes=train.classes,
        trials=trials,
        margin_schedule=experiment.margin_schedule,
        learning_rates=experiment.optimizer.learning_rates,
    )
    return task, loaders
