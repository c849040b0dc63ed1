"""What a config says of a self-supervised front-end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from wesep_like.config.sections import check_sizes
from wesep_like.errors import ConfigError
from wesep_like.models.speakers.ssl import checkpoints, pipelines


@dataclass(frozen=True)
class FrontEndOptions:
    """The config section `frontend` of a speaker module.

    Attributes:
        source: Where training takes the model from: a folder with config.json and
            model.safetensors, the name of such a model on the hub, or of a pipeline of torchaudio.
        architecture: What the model is made of, in the words of its config.json, if not to be read
            from there: `model_type` and what differs from its defaults.
        normalize: Whether waveforms get zero mean and unit variance, if not to be read from there.
        tuned: What of the model learns: `none`, `all`, or so many of its last layers.
        lora_rank: Rank of the changes that are learnt to queries and values; none if null.
        lora_alpha: Scale of these changes times the rank; twice the rank if null.
        bottleneck_dim: Width of the adapters in each layer; none if null.
    """

    source: str
    architecture: dict[str, Any] | None = None
    normalize: bool | None = None
    tuned: Literal["none", "all"] | int = "none"
    lora_rank: int | None = None
    lora_alpha: float | None = None
    bottleneck_dim: int | None = None

    def __post_init__(self) -> None:
        layers = self.tuned if isinstance(self.tuned, int) else None
        check_sizes(tuned=layers, lora_rank=self.lora_rank, bottleneck_dim=self.bottleneck_dim)
        if self.lora_alpha is not None and self.lora_rank is None:
            raise ConfigError(f"lora_alpha: expected null without lora_rank, got {self.lora_alpha}")
        if self.tuned == "all" and not (self.lora_rank is self.bottleneck_dim is None):
            raise ConfigError("tuned: 'all', which leaves nothing to adapters. Expected 'none'")
        if not pipelines.is_pipeline(self.source):
            return
        given = [key for key in ("architecture", "normalize") if getattr(self, key) is not None]
        if given:
            raise ConfigError(
                f"{given[0]}: known of torchaudio's pipeline {self.source}. Remove it"
            )

    @property
    def is_pipeline(self) -> bool:
        """Whether the model is one of torchaudio's, whose name tells all."""
        return pipelines.is_pipeline(self.source)

    def resolved(self) -> FrontEndOptions:
        """The same, with what is read from `source` written out; weights are not.

        Raises:
            ConfigError: If it cannot be read.
        """
        if self.is_pipeline:
            pipelines.find_pipeline(self.source)
            return self
        architecture = self.architecture
        if architecture is None:
            architecture = checkpoints.read_architecture(self.source)
        if architecture.get("model_type") == checkpoints.W2V_BERT:
            if self.normalize is not None:
                raise ConfigError("normalize: w2v-BERT 2.0 hears no waveforms. Remove it")
            return replace(self, architecture=architecture)
        normalize = self.normalize
        if normalize is None:
            normalize = checkpoints.read_normalize(self.source)
        return replace(self, architecture=architecture, normalize=normalize)
