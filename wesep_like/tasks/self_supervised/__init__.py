"""Speaker encoders that learn without labels: the task, and the methods by their names."""

from wesep_like.tasks.self_supervised.dino import DINO
from wesep_like.tasks.self_supervised.method import METHODS, Method
from wesep_like.tasks.self_supervised.moco import MoCo
from wesep_like.tasks.self_supervised.simclr import SimCLR
from wesep_like.tasks.self_supervised.task import SelfSupervisedTask

__all__ = ["DINO", "METHODS", "Method", "MoCo", "SelfSupervisedTask", "SimCLR"]
