"""From a config to a training run: the one place where all parts meet."""

from wesep_like.experiment.base import Experiment
from wesep_like.experiment.build import build
from wesep_like.experiment.run import check, train
from wesep_like.experiment.sections import read_experiment

__all__ = ["Experiment", "build", "check", "read_experiment", "train"]
