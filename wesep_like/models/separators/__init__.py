"""Networks that take mixtures apart."""

from wesep_like.models.separators import (
    bsrnn,
    conv_tasnet,
    dpccn,
    sepformer,
    spex_plus,
    tfgridnet,
)
from wesep_like.models.separators.base import SEPARATORS, Separator

__all__ = [
    "SEPARATORS",
    "Separator",
    "bsrnn",
    "conv_tasnet",
    "dpccn",
    "sepformer",
    "spex_plus",
    "tfgridnet",
]
