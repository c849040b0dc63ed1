"""Conv-TasNet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from wesep_like.config.sections import check_sizes
from wesep_like.models.layers.norms import NormName, build_norm
from wesep_like.models.separators.base import SEPARATORS
from wesep_like.models.separators.filterbank import (
    Filterbank,
    FilterbankName,
    filter_length,
    whole_frames,
)
from wesep_like.models.separators.tcn import DilatedConv, TCNContext, TCNSeparator

MaskName = Literal["sigmoid", "relu"]
MASKS: dict[MaskName, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
}

_DEEP_DILATIONS = (1, 2, 4, 8)


@SEPARATORS.register("conv_tasnet")
class ConvTasNet(TCNSeparator):
    """Conv-TasNet: learnt filters, a mask by dilated convolutions, learnt filters back.

    Args:
        sample_rate: Hz.
        num_filters: N of the paper.
        filter_ms: L of the paper, in time; the step is half of it.
        filterbank: What the filters start from.
        filter_bias: Whether they have biases; with them, silence does not stay silent.
        deep: Four dilated convolutions after the filters, and four before those back.
        bottleneck_dim: B of the paper, channels between blocks.
        hidden_dim: H of the paper, channels within blocks.
        kernel_size: P of the paper.
        num_layers: X of the paper, blocks a repeat.
        num_repeats: R of the paper.
        norm: `global` (gLN), `channel` (cLN) or `batch` (BN).
        causal: Hear nothing that comes later than the filters reach.
        skip_connections: Every block adds to what the mask is made of.
        mask: What bounds the mask.
        fuse_inside: Fusions stand within the first block of a repeat, or else before the repeat.

    Source:
        Luo and Mesgarani, "Conv-TasNet", TASLP 2019, section II; the deep filters are those of
        Kadioglu et al., "An empirical study of Conv-TasNet", ICASSP 2020, as WeSep has them.
        Deviations: the channel-wise norm is not cumulative (as in WeSep); the mixture is padded to
        whole frames, so that estimates are as long as it.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        num_filters: int = 512,
        filter_ms: float = 2.0,
        filterbank: FilterbankName = "free",
        filter_bias: bool = False,
        deep: bool = False,
        bottleneck_dim: int = 128,
        hidden_dim: int = 512,
        kernel_size: int = 3,
        num_layers: int = 8,
        num_repeats: int = 3,
        norm: NormName = "global",
        causal: bool = False,
        skip_connections: bool = True,
        mask: MaskName = "sigmoid",
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
        length = filter_length(filter_ms, sample_rate)
        self.min_samples = 1
        self.filterbank = Filterbank(
            num_filters, length, length // 2, sample_rate, kind=filterbank, bias=filter_bias
        )
        self.analysis_convs = nn.Sequential()
        self.synthesis_convs = nn.Sequential()
        if deep:
            for dilation in _DEEP_DILATIONS:
                conv = DilatedConv(num_filters, num_filters, 3, dilation, causal=causal)
                self.analysis_convs.extend([conv, nn.PReLU()])
            for dilation in reversed(_DEEP_DILATIONS):
                conv = DilatedConv(num_filters, num_filters, 3, dilation, causal=causal)
                self.synthesis_convs.extend([conv, nn.PReLU()])
        else:
            self.analysis_convs.append(nn.ReLU())
        self.norm = build_norm(norm, num_filters)
        self.bottleneck = nn.Conv1d(num_filters, bottleneck_dim, 1)
        self.mask = nn.Conv1d(bottleneck_dim, num_filters, 1)
        self.bound = MASKS[mask]

    def encode(self, mixture: Tensor, maps: Tensor | None = None) -> tuple[Tensor, TCNContext]:
        """Mixture (batch, samples) -> features (batch, channels, frames), frames."""
        bank = self.filterbank
        whole = whole_frames(mixture, bank.filter_samples, bank.hop_samples)
        frames = self.analysis_convs(bank.analyse(whole))
        context = TCNContext((frames,), mixture.shape[-1], [])
        return self.bottleneck(self.norm(frames)), context

    def decode(self, features: Tensor, context: TCNContext) -> Tensor:
        """Features, frames -> estimates (batch, 1, samples)."""
        (frames,) = context.frames
        masked = frames * self.bound(self.mask(self.decoded(features, context)))
        samples = self.filterbank.synthesise(self.synthesis_convs(masked))
        return samples[:, None, : context.num_samples].float()
