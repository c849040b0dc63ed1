"""Speaker modules on the layers of a self-supervised model."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wesep_like.audio.resample import resample_tensor, resampled_length
from wesep_like.config.sections import check_sizes, located
from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.speakers.base import SPEAKERS, SpeakerModule
from wesep_like.models.speakers.ecapa_tdnn import EcapaNetwork
from wesep_like.models.speakers.pooling import PoolingName, build_pooling
from wesep_like.models.speakers.ssl.checkpoints import SAMPLE_RATE
from wesep_like.models.speakers.ssl.frontend import build_front_end
from wesep_like.models.speakers.ssl.layers import LayersName, WeightedSum, build_layers
from wesep_like.models.speakers.ssl.options import FrontEndOptions


class SSLEncoder(SpeakerModule):
    """A speaker encoder on the states of a self-supervised model, which hears 16 kHz.

    Args:
        sample_rate: Hz; of an enrollment at another rate than 16 kHz, which is resampled.
        frontend: The model, and what of it learns.
    """

    def __init__(self, sample_rate: int, frontend: FrontEndOptions) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        with located("frontend"):
            self.frontend = build_front_end(frontend)
        self.min_samples = resampled_length(self.frontend.min_samples, SAMPLE_RATE, sample_rate)

    @abstractmethod
    def cue_of_states(self, states: Tensor) -> SpeakerCue:
        """The cue of states (batch, channels, states, frames)."""

    def load_pretrained(self) -> None:
        """Takes the weights of the front-end from where its options say."""
        self.frontend.load_published()

    def forward(self, enrollment: Tensor) -> SpeakerCue:
        """The cue of `enrollment` (batch, samples)."""
        if self.sample_rate != SAMPLE_RATE:
            enrollment = resample_tensor(enrollment, self.sample_rate, SAMPLE_RATE)
        return self.cue_of_states(self.frontend(enrollment))


@SPEAKERS.register("ssl")
class SSL(SSLEncoder):
    """Layers combined, frames pooled, and a linear layer.

    With `layers: attentive` and `pooling: attentive` it is the light model of Kim et al. (LAP with
    ASTP), Interspeech 2025.

    Args:
        sample_rate: Hz.
        frontend: The model, and what of it learns.
        layers: How the states of the layers become frames.
        pooling: How frames become one vector.
        embed_dim: Width of the embedding.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        frontend: FrontEndOptions,
        layers: LayersName = "weighted_sum",
        pooling: PoolingName = "attentive",
        embed_dim: int = 192,
    ) -> None:
        check_sizes(embed_dim=embed_dim)
        super().__init__(sample_rate, frontend)
        self.layers = build_layers(layers, self.frontend.hidden_dim, self.frontend.num_states)
        self.embed_dim = embed_dim
        self.frame_dim = self.layers.out_dim
        self.pool = build_pooling(pooling, self.frame_dim)
        self.bn = nn.BatchNorm1d(self.pool.out_dim)
        self.linear = nn.Linear(self.pool.out_dim, embed_dim)

    def cue_of_states(self, states: Tensor) -> SpeakerCue:
        """The cue of states (batch, channels, states, frames); its frames are what is pooled."""
        frames = self.layers(states)
        return SpeakerCue(self.linear(self.bn(self.pool(frames))), CueFrames(frames))


@SPEAKERS.register("ssl_ecapa_tdnn")
class SSLEcapaTDNN(EcapaNetwork, SSLEncoder):
    """ECAPA-TDNN on the combined layers, each channel with zero mean and unit variance over time.

    Args:
        sample_rate: Hz.
        frontend: The model, and what of it learns.
        layers: How the states of the layers become frames.
        channels: Width of the frame layers of ECAPA-TDNN; a multiple of 8.
        pooling: How frames become one vector.
        embed_dim: Width of the embedding.

    Source:
        Chen et al., "Large-Scale Self-Supervised Speech Representation Learning for Automatic
        Speaker Verification", ICASSP 2022.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        frontend: FrontEndOptions,
        layers: LayersName = "weighted_sum",
        channels: int = 512,
        pooling: PoolingName = "attentive",
        embed_dim: int = 192,
    ) -> None:
        check_sizes(channels=channels, embed_dim=embed_dim)
        super().__init__(sample_rate, frontend)
        self.layers = build_layers(layers, self.frontend.hidden_dim, self.frontend.num_states)
        self.embed_dim = embed_dim
        self.frame_dim = channels
        self.add_layers(self.layers.out_dim, channels, embed_dim, pooling, embed_norm=False)

    def cue_of_states(self, states: Tensor) -> SpeakerCue:
        """The cue of states (batch, channels, states, frames)."""
        return self.encode(F.instance_norm(self.layers(states)))


@SPEAKERS.register("ssl_mhfa")
class SSLMHFA(SSLEncoder):
    """Multi-head factorised attentive pooling of all layers.

    The states are summed twice: into values, which are pooled, and into keys, by which each head
    knows when to listen.

    Args:
        sample_rate: Hz.
        frontend: The model, and what of it learns.
        num_heads: How many attentions over time.
        compression_dim: Channels of keys and values.
        embed_dim: Width of the embedding.

    Source:
        Peng et al., "An Attention-Based Backend Allowing Efficient Fine-Tuning of Transformer
        Models for Speaker Verification", SLT 2022. Deviation: the heads have no bias, which a
        softmax over time does not see.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        frontend: FrontEndOptions,
        num_heads: int = 64,
        compression_dim: int = 128,
        embed_dim: int = 192,
    ) -> None:
        check_sizes(num_heads=num_heads, compression_dim=compression_dim, embed_dim=embed_dim)
        super().__init__(sample_rate, frontend)
        self.embed_dim = embed_dim
        self.frame_dim = compression_dim
        hidden_dim, num_states = self.frontend.hidden_dim, self.frontend.num_states
        self.key_layers = WeightedSum(hidden_dim, num_states)
        self.value_layers = WeightedSum(hidden_dim, num_states)
        self.keys = nn.Conv1d(hidden_dim, compression_dim, 1)
        self.values = nn.Conv1d(hidden_dim, compression_dim, 1)
        self.heads = nn.Conv1d(compression_dim, num_heads, 1, bias=False)
        self.linear = nn.Linear(num_heads * compression_dim, embed_dim)

    def cue_of_states(self, states: Tensor) -> SpeakerCue:
        """The cue of states (batch, channels, states, frames); its frames are the values."""
        keys = self.keys(self.key_layers(states))
        values = self.values(self.value_layers(states))
        weights = self.heads(keys).softmax(dim=-1)
        pooled = torch.einsum("bhf,bcf->bhc", weights, values)
        return SpeakerCue(self.linear(pooled.flatten(1)), CueFrames(values))
