"""How a cue steers the features of a separator."""

from wesep_like.models.fusions import (
    add,
    concat,
    cross_attention,
    dual_path_attention,
    film,
    multiply,
)
from wesep_like.models.fusions.base import FUSIONS, Fusion

__all__ = [
    "FUSIONS",
    "Fusion",
    "add",
    "concat",
    "cross_attention",
    "dual_path_attention",
    "film",
    "multiply",
]
