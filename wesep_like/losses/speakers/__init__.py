"""Losses that teach a speaker module: of classes, and of distances within a batch."""

from wesep_like.losses.speakers.a_softmax import ASoftmax
from wesep_like.losses.speakers.centre import CentreLoss
from wesep_like.losses.speakers.ge2e import GE2E
from wesep_like.losses.speakers.margins import AAMSoftmax, AMSoftmax, MarginHead
from wesep_like.losses.speakers.prototypical import AngularPrototypical, Prototypical
from wesep_like.losses.speakers.softmax import AngularHead, NormalisedSoftmax, Softmax
from wesep_like.losses.speakers.sphereface2 import SphereFace2
from wesep_like.losses.speakers.triplet import Triplet

__all__ = [
    "GE2E",
    "AAMSoftmax",
    "AMSoftmax",
    "ASoftmax",
    "AngularHead",
    "AngularPrototypical",
    "CentreLoss",
    "MarginHead",
    "NormalisedSoftmax",
    "Prototypical",
    "Softmax",
    "SphereFace2",
    "Triplet",
]
