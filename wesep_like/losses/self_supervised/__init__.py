"""What encoders learn by without labels: heads on embeddings, and losses of what they say."""

from wesep_like.losses.self_supervised.contrast import nt_xent, queue_contrast
from wesep_like.losses.self_supervised.distillation import distillation, entropy
from wesep_like.losses.self_supervised.heads import Projection, PrototypeHead

__all__ = [
    "Projection",
    "PrototypeHead",
    "distillation",
    "entropy",
    "nt_xent",
    "queue_contrast",
]
