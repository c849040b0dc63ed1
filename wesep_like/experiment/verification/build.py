"""From a checked config of a plain speaker encoder to the parts of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wesep_like.data.speech import collate_speech
from wesep_like.data.speech_dataset import FixedSpeech, training_speech
from wesep_like.data.store import AudioStore
from wesep_like.errors import TrialError
from wesep_like.evaluation.trial_names import find_audio
from wesep_like.evaluation.trials import check_both_kinds, read_trials
from wesep_like.experiment.parts import (
    check_batch_size,
    initialise_speaker,
    initialising,
    optimizer_maker,
)
from wesep_like.experiment.verification.head import initialise_head
from wesep_like.experiment.verification.losses import build_speaker_losses
from wesep_like.experiment.verification.sections import VerificationExperiment
from wesep_like.models.build import build_speaker
from wesep_like.tasks.verification import LabelledTrials, VerificationTask
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
    model = build_speaker(experiment.model, experiment.sample_rate, trust_code=True)
    source = experiment.init.get("speaker")
    if source is None:
        model.load_pretrained()
    else:
        with initialising(f"{config_path}: init.speaker"):
            initialise_speaker(model, source)
    options, data = experiment.trainer, experiment.data
    check_batch_size(options.batch_size, model, config_path)
    store = AudioStore(experiment.sample_rate, cache_megabytes=data.cache_megabytes)
    train = training_speech(
        data.train,
        store,
        seed=experiment.seed,
        batch_size=options.batch_size,
        max_broken_share=data.max_broken_share,
    )
    trials, valid = _validation(experiment)
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


def _validation(experiment: VerificationExperiment) -> tuple[LabelledTrials, FixedSpeech]:
    """The trials, and the utterances in them."""
    options = experiment.data.valid
    trials = read_trials(options.trials)
    unlabelled = sum(trial.is_target is None for trial in trials)
    if unlabelled:
        raise TrialError(
            f"{options.trials}: {unlabelled} of {len(trials)} trials do not say whether the "
            "speaker is the same. Expected '1 a b' or 'a b target'"
        )
    check_both_kinds(trials, options.trials)
    is_target = np.array([trial.is_target for trial in trials], bool)
    audio = find_audio(trials, Path(options.trials).parent, options.utterances)
    store = AudioStore(experiment.sample_rate)
    names = ([trial.first for trial in trials], [trial.second for trial in trials])
    return LabelledTrials(*names, is_target), FixedSpeech(audio, store, options.max_seconds)
