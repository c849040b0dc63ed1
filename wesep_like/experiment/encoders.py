"""What the configs of all trainings of a plain speaker encoder have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from wesep_like.audio import to_samples
from wesep_like.data.simulation.speech_options import AugmentedOptions
from wesep_like.data.speech_dataset import FixedSpeech
from wesep_like.data.store import AudioStore
from wesep_like.errors import ConfigError, TrialError
from wesep_like.evaluation.trial_names import find_audio
from wesep_like.evaluation.trials import check_both_kinds, read_trials
from wesep_like.experiment.base import DataOptions, Experiment
from wesep_like.experiment.parts import check_batch_size, initialise_speaker, initialising
from wesep_like.models.build import build_speaker, resolved_speaker
from wesep_like.models.speakers import SpeakerModule
from wesep_like.models.speakers.base import FbankEncoder
from wesep_like.tasks.encoder import LabelledTrials


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
class EncoderDataOptions(DataOptions):
    """The config section `data`.

    Attributes:
        train: What is cropped, and what happens to it; each task has options of its own.
        valid: What is validated on.
    """

    train: AugmentedOptions
    valid: ValidTrialsOptions


@dataclass(frozen=True, kw_only=True)
class EncoderExperiment(Experiment):
    """A config that trains a plain speaker encoder.

    Attributes:
        model: `speaker`: the encoder.
        init: Where first weights come from. `speaker`: an experiment or model folder, a published
            checkpoint (.pt), or `bundled`.
    """

    data: EncoderDataOptions

    def problems(self) -> list[str]:
        """See the base."""
        problems = super().problems()
        for line in self.data.train.augmentation.problems_at(self.sample_rate):
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

    @property
    @abstractmethod
    def crop_lengths(self) -> dict[str, float]:
        """How long crops are in seconds, each by its key in `data.train`."""

    def problems_with(self, model: nn.Module | None) -> list[str]:
        """See the base."""
        if model is None:
            return []
        assert isinstance(model, SpeakerModule)
        problems = []
        if model.embed_dim is None:
            problems.append("model.speaker.name: gives no embedding. Expected a speaker encoder")
        if model.is_fixed:
            problems.append("model.speaker.name: cannot learn. Expected another encoder")
        for key, seconds in self.crop_lengths.items():
            if to_samples(seconds, self.sample_rate) < model.min_samples:
                problems.append(
                    f"data.train.{key}: expected at least "
                    f"{model.min_samples / self.sample_rate:g}, which the encoder wants, got "
                    f"{seconds:g}"
                )
        masks = self.data.train.augmentation.spec_augment
        if masks is not None and masks.probability > 0 and not isinstance(model, FbankEncoder):
            problems.append(
                "data.train.augmentation.spec_augment: the encoder has no filterbank features that "
                "could be masked. Expected null"
            )
        return problems

    def resolved_model(self) -> dict[str, Any]:
        """See the base."""
        return resolved_speaker(self.model)


def first_encoder(experiment: EncoderExperiment, config_path: str) -> SpeakerModule:
    """The encoder as training begins with it.

    Raises:
        WesepLikeError: If its first weights cannot be used, or a batch is too small for it.
    """
    model = build_speaker(experiment.model, experiment.sample_rate, trust_code=True)
    source = experiment.init.get("speaker")
    if source is None:
        model.load_pretrained()
    else:
        with initialising(f"{config_path}: init.speaker"):
            initialise_speaker(model, source)
    check_batch_size(experiment.trainer.batch_size, model, config_path)
    return model


def validation(experiment: EncoderExperiment) -> tuple[LabelledTrials, FixedSpeech]:
    """The trials of a validation, and the utterances in them.

    Raises:
        WesepLikeError: If they cannot be used.
    """
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
