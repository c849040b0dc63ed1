"""How far an output is from where it should be: smaller is better.

Waveform losses give one number an item; a speaker head, which has weights of its own, one a batch.
"""

from wesep_like.losses.absent import AbsentTargetLoss
from wesep_like.losses.base import CLASSIFIERS, LOSSES, SpeakerHead, WaveformLoss
from wesep_like.losses.classification import AAMSoftmax, Softmax
from wesep_like.losses.waveform import NegSISDRLoss, NegSNRLoss

__all__ = [
    "CLASSIFIERS",
    "LOSSES",
    "AAMSoftmax",
    "AbsentTargetLoss",
    "NegSISDRLoss",
    "NegSNRLoss",
    "Softmax",
    "SpeakerHead",
    "WaveformLoss",
]
