"""Self-supervised models as `transformers` keeps them: a folder, or a name on the hub.

What a model is made of ("architecture") is what its config.json says, without what concerns only
its training or other uses. It is kept with our own model file, so that the folder is wanted once.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from wesep_like.audio.torchaudio_import import torchaudio
from wesep_like.errors import ConfigError, MissingPackageError, ModelFileError

SAMPLE_RATE = 16000
W2V_BERT = "wav2vec2-bert"
_CLASSES = {"wavlm": "WavLM", "hubert": "Hubert", "wav2vec2": "Wav2Vec2", W2V_BERT: "Wav2Vec2Bert"}

_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
# Layers are not left out nor frames masked, and what comes behind the layers is not asked for.
_OFF: dict[str, Any] = {
    "layerdrop": 0.0,
    "apply_spec_augment": False,
    "mask_time_prob": 0.0,
    "mask_feature_prob": 0.0,
    "add_adapter": False,
}
_NO_ARCHITECTURE = {
    "_name_or_path",
    "architectures",
    "dtype",
    "torch_dtype",
    "transformers_version",
    "id2label",
    "label2id",
    "auto_map",
}


def read_architecture(source: str) -> dict[str, Any]:
    """What the model in a folder, or of a name on the hub, is made of.

    Raises:
        ConfigError: If there is no such model, or it is of a kind that is not known here.
    """
    folder = Path(source)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ConfigError(f"source: there is no config.json in the folder {folder}")
        if not any((folder / name).is_file() for name in _WEIGHTS):
            raise ConfigError(
                f"source: there are no weights in the folder {folder}. Expected model.safetensors "
                "beside its config.json"
            )
    elif folder.is_absolute() or source.startswith((".", "~")):
        raise ConfigError(f"source: there is no folder {source}")
    try:
        config, _ = _transformers().PretrainedConfig.get_config_dict(source)
    except OSError as error:
        if folder.is_dir():
            raise ConfigError(f"source: {folder / 'config.json'} cannot be read") from error
        raise ConfigError(
            f"source: {source!r} is no folder, and the hub does not give it ({_brief(error)}). "
            "Expected a folder with config.json and model.safetensors, or the name of a model"
        ) from error
    written = json.loads(_config(config, f"source: {source}").to_json_string(use_diff=True))
    return {key: value for key, value in written.items() if key not in _NO_ARCHITECTURE}


def read_normalize(source: str) -> bool:
    """Whether the model wants waveforms of zero mean and unit variance.

    Raises:
        ConfigError: If nothing says so, or if it wants another sample rate than 16 kHz.
    """
    extractor = _transformers().Wav2Vec2FeatureExtractor
    try:
        said, _ = extractor.get_feature_extractor_dict(source)
    except OSError as error:
        raise ConfigError(
            f"normalize: missing, and {source} has no readable preprocessor_config.json to say it. "
            "Expected true where the model was trained on waveforms of unit variance, else false"
        ) from error
    rate = said.get("sampling_rate", SAMPLE_RATE)
    if rate != SAMPLE_RATE:
        raise ConfigError(f"source: {source} hears {rate} Hz. Expected a model at {SAMPLE_RATE} Hz")
    return bool(said.get("do_normalize", True))


def build_model(architecture: Mapping[str, Any], source: str) -> nn.Module:
    """A model of random weights.

    Args:
        architecture: What it is made of.
        source: Where that was read, for messages.

    Raises:
        ConfigError: If none can be built.
    """
    config = _config(architecture, "architecture")
    try:
        return _class_of(architecture, "Model")(config)
    except (ValueError, TypeError, RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"architecture: no model can be built of that of {source} ({_brief(error)})"
        ) from error


def read_weights(source: str, architecture: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights that `source` has for a model of `architecture`, all of them.

    Raises:
        ModelFileError: If they cannot be read, or are those of another architecture.
    """
    config = _config(architecture, "architecture")
    try:
        with _quiet():
            model, found = _class_of(architecture, "Model").from_pretrained(
                source, config=config, output_loading_info=True, trust_remote_code=False
            )
    except Exception as error:  # it lets through whatever its readers raise, of any kind
        raise ModelFileError(
            f"{source}: its weights cannot be read, or are not those of its config.json "
            f"({_brief(error)}). Copy or fetch it again"
        ) from error
    missing = sorted(found["missing_keys"])
    if missing:
        raise ModelFileError(
            f"{source}: {len(missing)} weights of the model are missing (as {missing[0]}). "
            "Expected a model that was trained"
        )
    return model.state_dict()


def _transformers() -> Any:
    assert torchaudio  # imported here first: transformers cannot, where its compiled part is absent
    if importlib.util.find_spec("transformers") is None:
        raise MissingPackageError(
            "ssl: the package transformers is not installed. pip install 'transformers>=4.48'"
        )
    import transformers

    return transformers


def _class_of(architecture: Mapping[str, Any], kind: str) -> Any:
    return getattr(_transformers(), _CLASSES[architecture["model_type"]] + kind)


def _config(architecture: Mapping[str, Any], where: str) -> Any:
    """The config of `transformers` for an architecture, with everything switched off."""
    model_type = architecture.get("model_type")
    if model_type not in _CLASSES:
        raise ConfigError(
            f"{where}: expected the model_type {', '.join(_CLASSES)}, got {model_type!r}"
        )
    off = {**_OFF, "use_intermediate_ffn_before_adapter": False} if model_type == W2V_BERT else _OFF
    try:
        return _class_of(architecture, "Config").from_dict({**architecture, **off})
    except Exception as error:  # its checks raise errors of a library of theirs
        raise ConfigError(f"{where}: no model can be built of it ({_brief(error)})") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """A block in which `transformers` does not list what it leaves out, such as heads."""
    logging = _transformers().logging
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _brief(error: BaseException) -> str:
    """What an error says, on one line; the first of its sentences say enough."""
    return " ".join(str(error).split("\n\n")[0].split())[:200]
