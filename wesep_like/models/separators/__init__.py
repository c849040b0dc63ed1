"""Networks that take mixtures apart."""

from wesep_like.models.separators import bsrnn
from wesep_like.models.separators.base import SEPARATORS, Separator

__all__ = ["SEPARATORS", "Separator", "bsrnn"]
