"""SepFormer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from wesep_like.config.sections import check_sizes
from wesep_like.errors import ConfigError
from wesep_like.models.separators.base import SEPARATORS, Separator
from wesep_like.models.separators.chunks import chunked, overlap_added
from wesep_like.models.separators.filterbank import Filterbank, filter_length, whole_frames


class _Context(NamedTuple):
    frames: Tensor  # (batch, filters, frames)
    num_samples: int


def place_codes(length: int, dim: int, device: torch.device) -> Tensor:
    """Sines and cosines that tell places in a sequence apart, (length, dim).

    Source:
        Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.5.
    """
    rates = torch.exp(torch.arange(0, dim, 2, device=device) * (-math.log(10000.0) / dim))
    angles = torch.arange(length, device=device)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :dim]


class _Transformer(nn.Module):
    """Layers of attention along one axis, normalise, add.

    Args:
        dim: Channels.
        hidden_dim: Width of the layers between attentions.
        num_heads: Of each attention.
        num_layers: How many.
    """

    def __init__(self, dim: int, hidden_dim: int, num_heads: int, num_layers: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    dim, num_heads, hidden_dim, dropout=0.0, batch_first=True, norm_first=True
                )
                for _ in range(num_layers)
            ),
            nn.LayerNorm(dim),
        )
        self.norm = nn.GroupNorm(1, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Along the last axis but one: (batch, sequences, steps, channels) -> the same shape."""
        steps = x.flatten(0, 1) + place_codes(x.shape[2], x.shape[3], x.device)
        heard = self.layers(steps).unflatten(0, x.shape[:2])
        return x + self.norm(heard.movedim(-1, 1)).movedim(1, -1)


class DualPathBlock(nn.Module):
    """A transformer within every chunk, then one across the chunks."""

    def __init__(self, dim: int, hidden_dim: int, num_heads: int, num_layers: int) -> None:
        super().__init__()
        self.within = _Transformer(dim, hidden_dim, num_heads, num_layers)
        self.across = _Transformer(dim, hidden_dim, num_heads, num_layers)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, channels, places, chunks) -> the same shape."""
        x = self.within(features.permute(0, 3, 2, 1))  # (batch, chunks, places, channels)
        return self.across(x.transpose(1, 2)).permute(0, 3, 1, 2)


@SEPARATORS.register("sepformer")
class SepFormer(Separator):
    """SepFormer: learnt filters, a mask by transformers within and across chunks, filters back.

    Its features have places in a chunk and chunks for axes.

    Args:
        sample_rate: Hz.
        num_filters: F of the paper.
        filter_ms: Length of a filter; the step is half of it. The paper's 16 samples at 8 kHz.
        channels: Between blocks; the paper has as many as filters.
        hidden_dim: Width of the layers between attentions.
        num_blocks: N of the paper.
        num_layers: Of either transformer of a block, K of the paper.
        num_heads: Of each attention.
        chunk_frames: Frames of a chunk, C of the paper; even, for chunks overlap by half.

    Source:
        Subakan et al., "Attention Is All You Need in Speech Separation", ICASSP 2021, section 2,
        with the norms of SpeechBrain's: layers normalise first, and after the last; what each
        transformer says is normalised over all positions and added to what it heard. Deviations:
        no dropout; the mixture is padded to whole frames, so that estimates are as long as it.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        num_filters: int = 256,
        filter_ms: float = 2.0,
        channels: int = 256,
        hidden_dim: int = 1024,
        num_blocks: int = 2,
        num_layers: int = 8,
        num_heads: int = 8,
        chunk_frames: int = 250,
    ) -> None:
        super().__init__()
        check_sizes(
            num_filters=num_filters,
            channels=channels,
            hidden_dim=hidden_dim,
            num_blocks=num_blocks,
            num_layers=num_layers,
            num_heads=num_heads,
        )
        if channels % num_heads:
            raise ConfigError(f"num_heads: expected a divisor of {channels}, got {num_heads}")
        if chunk_frames < 2 or chunk_frames % 2:
            raise ConfigError(f"chunk_frames: expected an even number, got {chunk_frames}")
        length = filter_length(filter_ms, sample_rate)
        self.min_samples = 1
        self.chunk_frames = chunk_frames
        self.feature_dims = (channels,) * num_blocks
        self.filterbank = Filterbank(num_filters, length, length // 2, sample_rate)
        self.norm = nn.GroupNorm(1, num_filters)
        self.bottleneck = nn.Conv1d(num_filters, channels, 1)
        self.blocks = nn.ModuleList(
            DualPathBlock(channels, hidden_dim, num_heads, num_layers) for _ in range(num_blocks)
        )
        self.out = nn.Sequential(nn.PReLU(), nn.Conv2d(channels, channels, 1))
        self.mask = nn.Sequential(
            nn.Conv1d(channels, channels, 1),
            nn.ReLU(),
            nn.Conv1d(channels, num_filters, 1),
            nn.ReLU(),
        )

    @property
    def position_dims(self) -> Sequence[int]:
        """See `Separator.position_dims`: the places in a chunk, which are no frequencies."""
        return (self.chunk_frames,) * len(self.blocks)

    def encode(self, mixture: Tensor, maps: Tensor | None = None) -> tuple[Tensor, _Context]:
        """Mixture (batch, samples) -> features (batch, channels, places, chunks), frames."""
        bank = self.filterbank
        whole = whole_frames(mixture, bank.filter_samples, bank.hop_samples)
        frames = torch.relu(bank.analyse(whole))
        features = self.bottleneck(self.norm(frames))
        return chunked(features, self.chunk_frames), _Context(frames, mixture.shape[-1])

    def decode(self, features: Tensor, context: _Context) -> Tensor:
        """Features, frames -> estimates (batch, 1, samples)."""
        joined = overlap_added(self.out(features), context.frames.shape[-1])
        samples = self.filterbank.synthesise(context.frames * self.mask(joined))
        return samples[:, None, : context.num_samples].float()
