"""RepVGG speaker encoder: learnt with several branches, used with one convolution for them all."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wesep_like.audio.fbank import WindowName
from wesep_like.config.sections import check_sizes
from wesep_like.errors import ConfigError
from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.speakers.base import SPEAKERS, FbankEncoder
from wesep_like.models.speakers.pooling import PoolingName, build_pooling

RepVGGSize = Literal["tiny_a0", "a0", "a1", "a2", "b0", "b1", "b2", "b3", "d2"]


class _Size(NamedTuple):
    depths: tuple[int, int, int, int]
    multipliers: tuple[float, float, float, float]


# Table 2 of the paper; tiny_a0 is WeSpeaker's, d2 of the paper's repository.
_SIZES: dict[RepVGGSize, _Size] = {
    "tiny_a0": _Size((3, 4, 23, 3), (0.5, 0.5, 0.5, 0.5)),
    "a0": _Size((2, 4, 14, 1), (0.75, 0.75, 0.75, 2.5)),
    "a1": _Size((2, 4, 14, 1), (1, 1, 1, 2.5)),
    "a2": _Size((2, 4, 14, 1), (1.5, 1.5, 1.5, 2.75)),
    "b0": _Size((4, 6, 16, 1), (1, 1, 1, 2.5)),
    "b1": _Size((4, 6, 16, 1), (2, 2, 2, 4)),
    "b2": _Size((4, 6, 16, 1), (2.5, 2.5, 2.5, 5)),
    "b3": _Size((4, 6, 16, 1), (3, 3, 3, 5)),
    "d2": _Size((8, 14, 24, 1), (2.5, 2.5, 2.5, 5)),
}
# Counted from the first block, these have groups, if any has (section 3.4 of the paper).
_GROUPED = range(2, 27, 2)


class _SqueezeExcite(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(1, channels // 4)
        self.fc_1 = nn.Linear(channels, hidden)
        self.fc_2 = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.fc_2(torch.relu(self.fc_1(x.mean(dim=(2, 3))))))
        return x * gate[:, :, None, None]


class _Branch(nn.Module):
    """A convolution that keeps bins and frames, but for its stride, and its normalisation."""

    def __init__(
        self, in_dim: int, out_dim: int, kernel: int, stride: int, groups: int, dilation: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_dim,
            out_dim,
            kernel,
            stride,
            padding=dilation * (kernel // 2),
            dilation=dilation,
            groups=groups,
            bias=False,
        )
        self.bn = nn.BatchNorm2d(out_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class _RepBlock(nn.Module):
    """Branches whose sum is rectified: 3 x 3, 1 x 1 or 3 x 3 dilated, and nothing at all.

    Args:
        in_dim: Channels that go in.
        out_dim: Channels that come out.
        stride: Along bins and frames.
        groups: Of the convolutions.
        dilated: The second branch is 3 x 3 with a dilation of two, not 1 x 1.
        squeeze_excite: Whether a gate of each channel follows.
        merged: One convolution for all branches.
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        stride: int,
        groups: int,
        *,
        dilated: bool,
        squeeze_excite: bool,
        merged: bool,
    ) -> None:
        super().__init__()
        self.se = _SqueezeExcite(out_dim) if squeeze_excite else nn.Identity()
        if merged:
            kernel = 5 if dilated else 3
            self.rbr_reparam = nn.Conv2d(
                in_dim, out_dim, kernel, stride, padding=kernel // 2, groups=groups
            )
            return
        self.rbr_dense = _Branch(in_dim, out_dim, 3, stride, groups)
        if dilated:
            self.rbr_dense_dilation = _Branch(in_dim, out_dim, 3, stride, groups, dilation=2)
        else:
            self.rbr_1x1 = _Branch(in_dim, out_dim, 1, stride, groups)
        if stride == 1 and in_dim == out_dim:
            self.rbr_identity = nn.BatchNorm2d(in_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.se(torch.relu(sum(branch(x) for branch in self._branches().values())))

    def _branches(self) -> dict[str, nn.Module]:
        return {name: module for name, module in self.named_children() if name != "se"}

    @torch.no_grad()
    def merge_branches(self) -> None:
        """From now on one convolution for all branches, as they are in evaluation mode.

        Dilated branches stay: one convolution of 5 x 5 takes longer than two of 3 x 3.
        """
        branches = self._branches()
        if "rbr_1x1" not in branches:
            return
        dense = self.rbr_dense.conv
        merged = nn.Conv2d(
            dense.in_channels,
            dense.out_channels,
            3,
            dense.stride[0],
            padding=1,
            groups=dense.groups,
        ).to(dense.weight)
        assert merged.bias is not None
        merged.weight.zero_()
        merged.bias.zero_()
        for name, branch in branches.items():
            if isinstance(branch, _Branch):
                norm, around = branch.bn, 1 - branch.conv.padding[0]  # type: ignore[operator]
                kernel = F.pad(branch.conv.weight, [around] * 4)
            else:
                assert isinstance(branch, nn.BatchNorm2d)
                norm, kernel = branch, nn.init.dirac_(torch.zeros_like(merged.weight), dense.groups)
            assert norm.running_mean is not None
            assert norm.running_var is not None
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            merged.weight += kernel * scale[:, None, None, None]
            merged.bias += norm.bias - norm.running_mean * scale
            delattr(self, name)
        self.rbr_reparam = merged.train(self.training)


@SPEAKERS.register("repvgg")
class RepVGG(FbankEncoder):
    """RepVGG (6.8 M parameters as `tiny_a0`, merged 6.3 M).

    Args:
        sample_rate: Hz.
        size: Depths and widths.
        channels: What the widths of `size` are multiples of.
        groups: Of the convolutions in every second block: 2 or 4 in B1g2, B1g4 and so on.
        dilated: Blocks have a dilated 3 x 3 branch and no 1 x 1 branch (RSBB).
        squeeze_excite: Each block ends with a gate of each channel.
        merged: Build each block as the one convolution that its branches come to; for weights that
            were stored so. What is loaded for use is merged anyway, unless it is dilated.
        embed_dim: Width of the embedding.
        num_bins: Mel bins.
        pooling: How frames become one vector.
        window: Analysis window.
        waveform_scale: What samples in [-1, 1] are multiplied by first.

    Source:
        Ding et al., "RepVGG: Making VGG-style ConvNets Great Again", CVPR 2021; dilated branches of
        Ma et al., "Rep Works in Speaker Verification", 2021. Strides, `tiny_a0` and module names as
        in WeSpeaker.
    """

    frame_step = 8

    def __init__(
        self,
        sample_rate: int,
        *,
        size: RepVGGSize = "tiny_a0",
        channels: int = 64,
        groups: int = 1,
        dilated: bool = False,
        squeeze_excite: bool = False,
        merged: bool = False,
        embed_dim: int = 256,
        num_bins: int = 80,
        pooling: PoolingName = "statistics",
        window: WindowName = "hamming",
        waveform_scale: float = 32768.0,
    ) -> None:
        check_sizes(channels=channels, groups=groups, embed_dim=embed_dim, num_bins=num_bins)
        depths, multipliers = _SIZES[size]
        dims = [int(channels * m * 2**number) for number, m in enumerate(multipliers)]
        stem_dim = min(channels, dims[0])
        if not stem_dim:
            raise ConfigError(f"channels: expected at least 2 for size {size!r}, got {channels}")
        if any(dim % groups for dim in (stem_dim, *dims)):
            widths = ", ".join(map(str, (stem_dim, *dims)))
            raise ConfigError(f"groups: expected a divisor of each width ({widths}), got {groups}")
        super().__init__(sample_rate, num_bins, window, waveform_scale)
        self.embed_dim = embed_dim
        in_dim = 1
        number = 0
        stages = []
        for dim, depth, first_stride in zip(
            (stem_dim, *dims), (1, *depths), (1, 1, 2, 2, 2), strict=True
        ):
            blocks = []
            for stride in [first_stride] + [1] * (depth - 1):
                block = _RepBlock(
                    in_dim,
                    dim,
                    stride,
                    groups if number in _GROUPED else 1,
                    dilated=dilated,
                    squeeze_excite=squeeze_excite,
                    merged=merged,
                )
                blocks.append(block)
                in_dim = dim
                number += 1
            stages.append(nn.Sequential(*blocks))
        self.stage0 = stages[0][0]
        self.stage1, self.stage2, self.stage3, self.stage4 = stages[1:]
        self.frame_dim = dims[-1] * -(-num_bins // 8)
        self.pool = build_pooling(pooling, self.frame_dim)
        self.seg = nn.Linear(self.pool.out_dim, embed_dim)

    def encode(self, features: Tensor) -> SpeakerCue:
        """The cue of features (batch, bins, frames); its frames are what is pooled."""
        x = self.stage1(self.stage0(features.unsqueeze(1)))
        frames = self.stage4(self.stage3(self.stage2(x))).flatten(1, 2)
        return SpeakerCue(self.seg(self.pool(frames)), CueFrames(frames))

    def merge_branches(self) -> None:
        """Each block is one convolution from now on, which computes what evaluation mode does.

        Dilated ones stay as they are: they would take longer.
        """
        for module in list(self.modules()):
            if isinstance(module, _RepBlock):
                module.merge_branches()
