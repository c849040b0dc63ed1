"""The temporal convolutional network of Conv-TasNet and SpEx+."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from wesep_like.config.sections import check_sizes
from wesep_like.errors import ConfigError
from wesep_like.models.layers.norms import NormName, build_norm
from wesep_like.models.separators.base import Separator, Steer


class DilatedConv(nn.Conv1d):
    """A convolution along time that keeps the number of frames, causal if asked for."""

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        kernel_size: int,
        dilation: int,
        *,
        groups: int = 1,
        bias: bool = True,
        causal: bool = False,
    ) -> None:
        super().__init__(in_dim, out_dim, kernel_size, dilation=dilation, groups=groups, bias=bias)
        reach = dilation * (kernel_size - 1)
        self.before = reach if causal else reach // 2
        self.after = reach - self.before

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in, frames) -> (batch, out, frames)."""
        return super().forward(nn.functional.pad(x, (self.before, self.after)))


class ConvBlock(nn.Module):
    """Widen, convolve each channel along time, narrow, add.

    Args:
        dim: Channels between blocks.
        hidden_dim: Channels within.
        has_residual: Whether something comes after it, which wants the sum.
        has_skip: Whether it has an output beside the sum.
    """

    def __init__(
        self,
        dim: int,
        hidden_dim: int,
        kernel_size: int,
        dilation: int,
        *,
        norm: NormName,
        causal: bool,
        has_residual: bool = True,
        has_skip: bool = False,
    ) -> None:
        super().__init__()
        self.widen = nn.Conv1d(dim, hidden_dim, 1)
        self.activation1 = nn.PReLU()
        self.norm1 = build_norm(norm, hidden_dim)
        self.depthwise = DilatedConv(
            hidden_dim, hidden_dim, kernel_size, dilation, groups=hidden_dim, causal=causal
        )
        self.activation2 = nn.PReLU()
        self.norm2 = build_norm(norm, hidden_dim)
        self.narrow = nn.Conv1d(hidden_dim, dim, 1) if has_residual else None
        self.skip = nn.Conv1d(hidden_dim, dim, 1) if has_skip else None

    def forward(self, x: Tensor, steer: Steer | None = None) -> tuple[Tensor, Tensor | None]:
        """(batch, channels, frames) -> the same shape, and the skip output if there is one."""
        hidden = self.widen(x)
        if steer is not None:
            hidden = steer(hidden)
        hidden = self.norm1(self.activation1(hidden))
        hidden = self.norm2(self.activation2(self.depthwise(hidden)))
        summed = x if self.narrow is None else x + self.narrow(hidden)
        return summed, None if self.skip is None else self.skip(hidden)


class Repeat(nn.Module):
    """Convolution blocks of dilation 1, 2, 4, ...; the first is where features are steered.

    Args:
        entry: Where they are steered before it: what comes between. None steers within it.
        layers: The blocks.
    """

    def __init__(self, entry: nn.Module | None, layers: list[ConvBlock]) -> None:
        super().__init__()
        self.entry = entry
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, steer: Steer) -> tuple[Tensor, list[Tensor]]:
        """(batch, channels, frames) -> the same shape, and the skip outputs."""
        if self.entry is not None:
            x = self.entry(steer(x))
        skips = []
        for number, layer in enumerate(self.layers):
            is_steered = number == 0 and self.entry is None
            x, skip = layer(x, steer if is_steered else None)
            if skip is not None:
                skips.append(skip)
        return x, skips


class TCNContext(NamedTuple):
    """What the encoder of a time-domain separator tells its decoder."""

    frames: tuple[Tensor, ...]  # (batch, filters, frames) for each filterbank
    num_samples: int
    skips: list[Tensor]  # left by the blocks


class TCNSeparator(Separator):
    """A separator whose blocks are the repeats of a TCN.

    Features are steered within the first block of a repeat, after its first 1x1 convolution: to add
    there is what SpEx+ calls concatenation, for W [x; e] = W_x x + W_e e. Or, with `fuse_inside`
    off, before the repeat, where then PReLU and norm follow, as in WeSep.

    Args:
        dim: Channels between blocks.
        hidden_dim: Channels within.
        kernel_size: Of the depthwise convolutions, odd.
        num_layers: Blocks a repeat; block x has dilation 2^x.
        num_repeats: Repeats.
        norm: `global`, `channel` or `batch`.
        causal: Hear nothing that comes later.
        skip_connections: Every block adds to what is decoded, not only the last.
        fuse_inside: See above.
    """

    def __init__(
        self,
        dim: int,
        hidden_dim: int,
        kernel_size: int,
        num_layers: int,
        num_repeats: int,
        norm: NormName,
        causal: bool,
        skip_connections: bool,
        fuse_inside: bool,
    ) -> None:
        check_sizes(
            bottleneck_dim=dim,
            hidden_dim=hidden_dim,
            num_layers=num_layers,
            num_repeats=num_repeats,
        )
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ConfigError(f"kernel_size: expected an odd number, got {kernel_size}")
        if causal and norm == "global":
            raise ConfigError(
                "norm: 'global' hears the whole mixture, and causal is true. "
                "Expected 'channel' or 'batch'"
            )
        super().__init__()
        last = (num_repeats - 1, num_layers - 1)
        self.blocks = nn.ModuleList(
            Repeat(
                None if fuse_inside else nn.Sequential(nn.PReLU(), build_norm(norm, dim)),
                [
                    ConvBlock(
                        dim,
                        hidden_dim,
                        kernel_size,
                        2**layer,
                        norm=norm,
                        causal=causal,
                        # What the last one adds would be heard by nobody.
                        has_residual=not (skip_connections and (repeat, layer) == last),
                        has_skip=skip_connections,
                    )
                    for layer in range(num_layers)
                ],
            )
            for repeat in range(num_repeats)
        )
        self._dim = dim
        self.feature_dims = (hidden_dim if fuse_inside else dim,) * num_repeats

    @property
    def input_dims(self) -> Sequence[int]:
        """See `Separator.input_dims`: they may be steered where they are wider."""
        return (self._dim,) * len(self.blocks)

    def run_block(self, number: int, features: Tensor, context: TCNContext, steer: Steer) -> Tensor:
        """Features (batch, channels, frames) -> the same shape; skips are left in the context."""
        features, skips = self.blocks[number](features, steer)
        context.skips.extend(skips)
        return features

    def decoded(self, features: Tensor, context: TCNContext) -> Tensor:
        """What the masks are made of: the sum of the skips where there are any."""
        return sum(context.skips[1:], context.skips[0]) if context.skips else features
