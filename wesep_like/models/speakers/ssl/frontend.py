"""A self-supervised model at the front of a speaker module: samples in, states of layers out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from wesep_like.errors import AudioError, ConfigError
from wesep_like.models.speakers.ssl import checkpoints, pipelines
from wesep_like.models.speakers.ssl.adapters import (
    add_bottlenecks,
    add_low_rank,
    published_name,
)
from wesep_like.models.speakers.ssl.checkpoints import SAMPLE_RATE
from wesep_like.models.speakers.ssl.inputs import StackedLogMel, WaveformInput
from wesep_like.models.speakers.ssl.options import FrontEndOptions


class FrontEnd(nn.Module, ABC):
    """WavLM, HuBERT, wav2vec 2.0 or w2v-BERT 2.0, of which all, a part or nothing learns.

    What does not learn stays in evaluation mode, in training too.

    Args:
        input: From samples to what the model takes.
        model: Of random weights; see `load_published`.
        layers: Its transformer layers.
        hidden_dim: Channels of their states.
        num_states: How many states it gives.
        min_samples: The fewest of which it makes two frames.
        options: Their `source`, and what learns.

    Raises:
        ConfigError: If more layers are to learn than there are.
    """

    def __init__(
        self,
        input: nn.Module,
        model: nn.Module,
        layers: Sequence[nn.Module],
        *,
        hidden_dim: int,
        num_states: int,
        min_samples: int,
        options: FrontEndOptions,
    ) -> None:
        super().__init__()
        self.input = input
        self.model = model
        self.hidden_dim = hidden_dim
        self.num_states = num_states
        self.min_samples = min_samples
        self.source = options.source
        model.requires_grad_(False)
        # A plain list, for they are submodules already.
        self._learning = _learning(model, layers, hidden_dim, options)
        for part in self._learning:
            part.requires_grad_(True)
        self.train()  # what does not learn is in evaluation mode from the first

    @abstractmethod
    def states(self, heard: Tensor) -> list[Tensor]:
        """The states (batch, frames, channels), from first to last, for what the model takes."""

    @abstractmethod
    def read_weights(self) -> Mapping[str, Tensor]:
        """The weights of `source`, by the names that the model has without adapters."""

    def load_published(self) -> None:
        """Takes the weights of `source`; adapters stay as they are.

        Raises:
            ModelFileError: If they cannot be read.
        """
        own = {published_name(key): value for key, value in self.model.state_dict().items()}
        for name, value in self.read_weights().items():
            own[name].copy_(value)

    def train(self, mode: bool = True) -> FrontEnd:
        """Sets training mode of what learns."""
        super().train(False)
        self.training = mode
        for part in self._learning:
            part.train(mode)
        return self

    def forward(self, samples: Tensor) -> Tensor:
        """Samples (batch, samples) at 16 kHz -> states (batch, channels, states, frames).

        Raises:
            AudioError: If there are too few samples for two frames.
        """
        if samples.shape[-1] < self.min_samples:
            raise AudioError(
                f"samples: {samples.shape[-1]} at {SAMPLE_RATE} Hz are too few for two frames. "
                f"Give at least {self.min_samples}"
            )
        with torch.no_grad():  # nothing is learnt before the model
            heard = self.input(samples)
        with torch.set_grad_enabled(torch.is_grad_enabled() and bool(self._learning)):
            states = [state.transpose(1, 2) for state in self.states(heard)]
        return torch.stack(states, dim=2)


class TransformersFrontEnd(FrontEnd):
    """A model of the library `transformers`; its states are the layers' input and their outputs."""

    def __init__(self, options: FrontEndOptions) -> None:
        options = options.resolved()
        assert options.architecture is not None
        self.architecture = options.architecture
        model: Any = checkpoints.build_model(options.architecture, options.source)
        config = model.config
        if config.model_type == checkpoints.W2V_BERT:
            heard_as: nn.Module = StackedLogMel()
            min_samples = 880  # four frames of 25 ms, every 10 ms
        else:
            heard_as = WaveformInput(bool(options.normalize))
            min_samples = _samples_of_two_frames(config.conv_kernel, config.conv_stride)
        super().__init__(
            heard_as,
            model,
            model.encoder.layers,
            hidden_dim=config.hidden_size,
            num_states=config.num_hidden_layers + 1,
            min_samples=min_samples,
            options=options,
        )

    def states(self, heard: Tensor) -> list[Tensor]:
        """The states (batch, frames, channels), from first to last."""
        told = self.model(heard, output_hidden_states=True)
        # The last one is normalised, or not, by the version of the library.
        return [*told.hidden_states[:-1], told.last_hidden_state]

    def read_weights(self) -> Mapping[str, Tensor]:
        """The weights in the folder or on the hub."""
        return checkpoints.read_weights(self.source, self.architecture)


class PipelineFrontEnd(FrontEnd):
    """A model of one of torchaudio's pipelines; its states are the outputs of the layers."""

    def __init__(self, options: FrontEndOptions) -> None:
        model: Any = pipelines.build_model(options.source)
        convolutions = [layer.conv for layer in model.feature_extractor.conv_layers]
        layers = model.encoder.transformer.layers
        super().__init__(
            WaveformInput(pipelines.wants_normalized(options.source)),
            model,
            layers,
            hidden_dim=model.encoder.feature_projection.projection.out_features,
            num_states=len(layers),
            min_samples=_samples_of_two_frames(
                [conv.kernel_size[0] for conv in convolutions],
                [conv.stride[0] for conv in convolutions],
            ),
            options=options,
        )

    def states(self, heard: Tensor) -> list[Tensor]:
        """The states (batch, frames, channels), from first to last."""
        return pipelines.states(self.model, heard)

    def read_weights(self) -> Mapping[str, Tensor]:
        """The weights that the pipeline fetches."""
        return pipelines.read_weights(self.source)


def build_front_end(options: FrontEndOptions) -> FrontEnd:
    """The front-end that a config describes, with random weights.

    Raises:
        ConfigError: If there is none, or it cannot be built.
    """
    return PipelineFrontEnd(options) if options.is_pipeline else TransformersFrontEnd(options)


def _learning(
    model: nn.Module, layers: Sequence[nn.Module], hidden_dim: int, options: FrontEndOptions
) -> list[nn.Module]:
    """What of the model learns, with adapters, which are added."""
    learning: list[nn.Module] = []
    if options.tuned == "all":
        learning.append(model)
    elif options.tuned != "none":
        if options.tuned > len(layers):
            raise ConfigError(
                f"tuned: expected at most {len(layers)} layers, as many as the model has, "
                f"got {options.tuned}"
            )
        learning += layers[-options.tuned :]
    for layer in layers:
        if options.lora_rank is not None:
            alpha = 2.0 * options.lora_rank if options.lora_alpha is None else options.lora_alpha
            learning += add_low_rank(layer, options.lora_rank, alpha)
        if options.bottleneck_dim is not None:
            learning += add_bottlenecks(layer, hidden_dim, options.bottleneck_dim)
    return learning


def _samples_of_two_frames(kernels: Sequence[int], strides: Sequence[int]) -> int:
    length = 2
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        length = (length - 1) * stride + kernel
    return length
