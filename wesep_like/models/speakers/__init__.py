"""Speaker modules: an enrollment waveform goes in, a cue comes out."""

from wesep_like.models.speakers import (
    campplus,
    dvector_lstm,
    ecapa_tdnn,
    eres2net,
    gemini_dfresnet,
    gmm_ubm,
    ivector,
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
from wesep_like.models.speakers.ssl import encoders as ssl_encoders

__all__ = [
    "SPEAKERS",
    "SpeakerModule",
    "campplus",
    "dvector_lstm",
    "ecapa_tdnn",
    "eres2net",
    "gemini_dfresnet",
    "gmm_ubm",
    "ivector",
    "onnx_encoder",
    "redimnet",
    "repvgg",
    "res2net",
    "resnet",
    "sef",
    "simam_resnet",
    "ssl_encoders",
    "twin_encoder",
    "usef",
    "xvector",
]
