"""From a checked config to the parts of a run."""

from __future__ import annotations

from wesep_like.experiment.base import Experiment
from wesep_like.experiment.extraction.build import build_extraction
from wesep_like.experiment.extraction.sections import ExtractionExperiment
from wesep_like.experiment.self_supervised.build import build_self_supervised
from wesep_like.experiment.self_supervised.sections import SelfSupervisedExperiment
from wesep_like.experiment.verification.build import build_verification
from wesep_like.experiment.verification.sections import VerificationExperiment
from wesep_like.tasks.base import Task
from wesep_like.training.loaders import Loaders


def build(experiment: Experiment, config_path: str) -> tuple[Task, Loaders]:
    """The parts of a run, put together.

    Args:
        experiment: What is wanted.
        config_path: Named in messages.

    Raises:
        WesepLikeError: If data or first weights cannot be used.
    """
    if isinstance(experiment, ExtractionExperiment):
        return build_extraction(experiment, config_path)
    if isinstance(experiment, SelfSupervisedExperiment):
        return build_self_supervised(experiment, config_path)
    assert isinstance(experiment, VerificationExperiment)
    return build_verification(experiment, config_path)
