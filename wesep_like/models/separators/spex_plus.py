"""SpEx+."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from wesep_like.audio.units import to_samples
from wesep_like.config.sections import check_sizes
from wesep_like.errors import ConfigError
from wesep_like.models.layers.norms import ChannelNorm, NormName
from wesep_like.models.separators.base import SEPARATORS
from wesep_like.models.separators.conv_tasnet import MASKS, MaskName
from wesep_like.models.separators.filterbank import Filterbank, whole_frames
from wesep_like.models.separators.tcn import TCNContext, TCNSeparator


@SEPARATORS.register("spex_plus")
class SpExPlus(TCNSeparator):
    """SpEx+: filters of several lengths take the mixture apart; one estimate for each length.

    Its estimates are (short, middle, long) in the order of `filters_ms`; the first is the answer.
    The speaker module `twin_encoder` hears through the same filters.

    Args:
        sample_rate: Hz.
        num_filters: Of each length.
        filters_ms: Lengths, the shortest first; the step is half of it.
        filter_bias: Whether filters have biases; with them, silence does not stay silent.
        bottleneck_dim: Channels between blocks.
        hidden_dim: Channels within blocks.
        kernel_size: Of the depthwise convolutions.
        num_layers: Blocks a repeat.
        num_repeats: Repeats.
        norm: `global` (gLN), `channel` (cLN) or `batch` (BN), within blocks.
        causal: Hear nothing that comes later than the filters reach.
        skip_connections: Every block adds to what the masks are made of.
        mask: What bounds the masks.
        fuse_inside: Fusions stand within the first block of a repeat, or else before the repeat.

    Source:
        Ge et al., "SpEx+: A Complete Time Domain Speaker Extraction Network", Interspeech 2020,
        section 2. Its fusion, concatenation before the first 1x1 convolution of every repeat, is
        here `fusion: {name: add}`, `fuse_before: every`. Deviation: the mixture is padded to whole
        frames, so that estimates are as long as it.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        num_filters: int = 256,
        filters_ms: tuple[float, ...] = (2.5, 10.0, 20.0),
        filter_bias: bool = False,
        bottleneck_dim: int = 256,
        hidden_dim: int = 512,
        kernel_size: int = 3,
        num_layers: int = 8,
        num_repeats: int = 4,
        norm: NormName = "global",
        causal: bool = False,
        skip_connections: bool = False,
        mask: MaskName = "relu",
        fuse_inside: bool = True,
    ) -> None:
        super().__init__(
            bottleneck_dim,
            hidden_dim,
            kernel_size,
            num_layers,
            num_repeats,
            norm,
            causal,
            skip_connections,
            fuse_inside,
        )
        check_sizes(num_filters=num_filters)
        lengths = [to_samples(length_ms / 1000, sample_rate) for length_ms in filters_ms]
        if not lengths or lengths[0] < 2 or lengths != sorted(lengths):
            raise ConfigError(
                f"filters_ms: expected lengths of two samples or more at {sample_rate} Hz, the "
                f"shortest first, got {filters_ms!r}"
            )
        self.min_samples = 1
        self.num_estimates = len(lengths)
        self.num_features = num_filters * len(lengths)
        self.filter_samples = lengths
        self.hop_samples = lengths[0] // 2
        self.filterbanks = nn.ModuleList(
            Filterbank(num_filters, length, self.hop_samples, sample_rate, bias=filter_bias)
            for length in lengths
        )
        self.norm = ChannelNorm(self.num_features)
        self.bottleneck = nn.Conv1d(self.num_features, bottleneck_dim, 1)
        self.masks = nn.ModuleList(nn.Conv1d(bottleneck_dim, num_filters, 1) for _ in lengths)
        self.bound = MASKS[mask]

    @property
    def _banks(self) -> list[Filterbank]:
        return cast("list[Filterbank]", list(self.filterbanks))

    def analyse(self, samples: Tensor) -> tuple[Tensor, ...]:
        """(batch, samples) -> (batch, filters, frames) for each length, frames alike in number."""
        short = self.filter_samples[0]
        whole = whole_frames(samples, short, self.hop_samples)
        # A longer filter looks further ahead, at the end into silence.
        return tuple(
            torch.relu(bank.analyse(nn.functional.pad(whole, (0, length - short))))
            for bank, length in zip(self._banks, self.filter_samples, strict=True)
        )

    def encode(self, mixture: Tensor, maps: Tensor | None = None) -> tuple[Tensor, TCNContext]:
        """Mixture (batch, samples) -> features (batch, channels, frames), frames."""
        frames = self.analyse(mixture)
        features = self.bottleneck(self.norm(torch.cat(frames, dim=1)))
        return features, TCNContext(frames, mixture.shape[-1], [])

    def decode(self, features: Tensor, context: TCNContext) -> Tensor:
        """Features, frames -> estimates (batch, lengths of filters, samples)."""
        decoded = self.decoded(features, context)
        estimates = [
            bank.synthesise(frames * self.bound(mask(decoded)))[:, : context.num_samples]
            for bank, frames, mask in zip(self._banks, context.frames, self.masks, strict=True)
        ]
        return torch.stack(estimates, dim=1).float()
