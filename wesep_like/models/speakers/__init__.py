"""Speaker modules: an enrollment waveform goes in, a cue comes out."""

from wesep_like.models.speakers import (
    campplus,
    dvector_lstm,
    ecapa_tdnn,
    eres2net,
    gemini_dfresnet,
    onnx_encoder,
    redimnet,
    repvgg,
    res2net,
    resnet,
    sef,
    simam_resnet,
    twin_encoder,
    usef,
    xvector,
)
from wesep_like.models.speakers.base import SPEAKERS, SpeakerModule

__all__ = [
    "SPEAKERS",
    "SpeakerModule",
    "campplus",
    "dvector_lstm",
    "ecapa_tdnn",
    "eres2net",
    "gemini_dfresnet",
    "onnx_encoder",
    "redimnet",
    "repvgg",
    "res2net",
    "resnet",
    "sef",
    "simam_resnet",
    "twin_encoder",
    "usef",
    "xvector",
]
