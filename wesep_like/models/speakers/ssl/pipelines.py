"""Self-supervised models as torchaudio's pipelines keep them, by name."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor, nn

from wesep_like.audio.torchaudio_import import torchaudio
from wesep_like.config.sections import nearest
from wesep_like.errors import ConfigError, ModelFileError


def is_pipeline(source: str) -> bool:
    """Whether `source` can be the name of a pipeline, and no folder nor name on the hub."""
    return re.fullmatch(r"[A-Z0-9]+(_[A-Z0-9]+)*", source) is not None


def find_pipeline(name: str) -> Any:
    """Torchaudio's bundle of that name.

    Raises:
        ConfigError: If there is none.
    """
    kind = torchaudio.pipelines.Wav2Vec2Bundle
    known = sorted(k for k, v in vars(torchaudio.pipelines).items() if isinstance(v, kind))
    if name not in known:
        raise ConfigError(
            f"source: torchaudio has no pipeline {name!r}{nearest(name, known)}. "
            f"Known: {', '.join(known)}"
        )
    return getattr(torchaudio.pipelines, name)


def build_model(name: str) -> nn.Module:
    """The pipeline's model, with random weights and without a head.

    Raises:
        ConfigError: If there is no such pipeline.
    """
    bundle = find_pipeline(name)
    models = torchaudio.models
    build = {"Wav2Vec2": models.wav2vec2_model, "WavLM": models.wavlm_model}[bundle._model_type]
    # Its sizes are told nowhere else; its own way to a model fetches the weights at once.
    return build(**{**bundle._params, "aux_num_out": None, "encoder_layer_drop": 0.0})


def wants_normalized(name: str) -> bool:
    """Whether the pipeline's model takes waveforms of zero mean and unit variance.

    Raises:
        ConfigError: If there is no such pipeline.
    """
    return find_pipeline(name)._normalize_waveform


def read_weights(name: str) -> dict[str, Tensor]:
    """The published weights, fetched where they are not yet in torch's cache.

    Raises:
        ModelFileError: If they cannot be fetched or read.
    """
    try:
        model = find_pipeline(name).get_model(dl_kwargs={"weights_only": True})
    except Exception as error:  # of the network, the file, or what is in it
        reason = " ".join(str(error).split())[:200]
        raise ModelFileError(
            f"{name}: the weights of torchaudio's pipeline cannot be fetched or read ({reason})"
        ) from error
    weights = getattr(model, "model", model).state_dict()
    return {key: value for key, value in weights.items() if not key.startswith("aux.")}


def states(model: nn.Module, samples: Tensor) -> list[Tensor]:
    """The output of each layer, (batch, frames, channels) each, for (batch, samples)."""
    layers, _ = model.extract_features(samples)  # type: ignore[operator]
    transformer: Any = model.get_submodule("encoder.transformer")
    if not transformer.layer_norm_first:  # then one stands behind the layers
        layers[-1] = transformer.layer_norm(layers[-1])
    return layers
