"""How far an output is from where it should be: smaller is better.

Waveform losses give one number an item; those of speakers, which may have weights of their own, one
a batch.
"""

from wesep_like.losses import speakers
from wesep_like.losses.absent import AbsentTargetLoss
from wesep_like.losses.base import (
    LOSSES,
    SPEAKER_LOSSES,
    SpeakerHead,
    SpeakerLoss,
    WaveformLoss,
)
from wesep_like.losses.waveform import NegSISDRLoss, NegSNRLoss

__all__ = [
    "LOSSES",
    "SPEAKER_LOSSES",
    "AbsentTargetLoss",
    "NegSISDRLoss",
    "NegSNRLoss",
    "SpeakerHead",
    "SpeakerLoss",
    "WaveformLoss",
    "speakers",
]
