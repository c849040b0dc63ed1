"""ERes2Net speaker encoder: a Res2Net with attention between slices and between stages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from wesep_like.audio.fbank import WindowName
from wesep_like.config.sections import check_sizes
from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.speakers.base import SPEAKERS, FbankEncoder
from wesep_like.models.speakers.pooling import PoolingName, build_pooling
from wesep_like.models.speakers.res2net import SlicedBlock, rectified
from wesep_like.models.speakers.resnet import residual_stages


class _AttentiveSum(nn.Module):
    """A sum of two pictures, in which attention shifts the weight from one to the other (AFF)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(1, channels // 4)
        self.local_att = nn.Sequential(
            nn.Conv2d(2 * channels, hidden, 1),
            nn.BatchNorm2d(hidden),
            nn.SiLU(),
            nn.Conv2d(hidden, channels, 1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        shift = torch.tanh(self.local_att(torch.cat([one, other], dim=1)))
        return (1 + shift) * one + (1 - shift) * other


class _FusedBlock(SlicedBlock):
    """Each slice adds to the next by attention (local feature fusion)."""

    def __init__(
        self,
        in_dim: int,
        dim: int,
        stride: int,
        *,
        num_slices: int,
        base_width: int,
        expansion: int,
    ) -> None:
        num_convs = num_slices - 1
        super().__init__(
            in_dim,
            dim,
            stride,
            num_slices=num_slices,
            num_convs=num_convs,
            base_width=base_width,
            expansion=expansion,
        )
        self.conv2_1 = self.slice_conv()
        self.bn2_1 = nn.BatchNorm2d(self.slice_dim)
        self.fuse_models = nn.ModuleList(_AttentiveSum(self.slice_dim) for _ in range(num_convs))

    def convolved(self, slices: Sequence[Tensor]) -> list[Tensor]:
        first, *others = slices
        done = [rectified(self.bn2_1(self.conv2_1(first)))]
        for piece, add, conv, bn in zip(
            others, self.fuse_models, self.convs, self.bns, strict=True
        ):
            done.append(rectified(bn(conv(add(done[-1], piece)))))
        return done


@SPEAKERS.register("eres2net34")
class ERes2Net34(FbankEncoder):
    """ERes2Net34: 3-4-6-3 blocks.

    As it is, WeSpeaker's `Base` (9.9 M parameters); `Large` has 64 channels; `aug` has 64, three
    slices, a base width of 24 and an expansion of 4.

    Args:
        sample_rate: Hz.
        channels: Width of the first stage.
        num_slices: Slices of the channels in a block.
        base_width: Channels of a slice in a block that is 64 wide.
        expansion: How many channels come out of a block, in widths.
        embed_dim: Width of the embedding.
        num_bins: Mel bins.
        pooling: How frames become one vector.
        window: Analysis window: models of WeSpeaker want `hamming`, of 3D-Speaker `povey`.
        waveform_scale: Models of WeSpeaker want 32768, of 3D-Speaker 1.

    Source:
        Chen et al., "An Enhanced Res2Net with Local and Global Feature Fusion for Speaker
        Verification", Interspeech 2023; module names are those of WeSpeaker's checkpoints.
    """

    frame_step = 8

    def __init__(
        self,
        sample_rate: int,
        *,
        channels: int = 32,
        num_slices: int = 2,
        base_width: int = 32,
        expansion: int = 2,
        embed_dim: int = 512,
        num_bins: int = 80,
        pooling: PoolingName = "statistics",
        window: WindowName = "hamming",
        waveform_scale: float = 32768.0,
    ) -> None:
        check_sizes(
            channels=channels,
            num_slices=num_slices,
            base_width=base_width,
            expansion=expansion,
            embed_dim=embed_dim,
            num_bins=num_bins,
        )
        super().__init__(sample_rate, num_bins, window, waveform_scale)
        self.embed_dim = embed_dim
        sizes = {"num_slices": num_slices, "base_width": base_width, "expansion": expansion}
        plain = partial(SlicedBlock, num_convs=num_slices, **sizes)
        fused = partial(_FusedBlock, **sizes)
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        stages = residual_stages([plain, plain, fused, fused], (3, 4, 6, 3), channels, expansion)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        dims = [channels * expansion * 2**number for number in range(4)]
        self.layer1_downsample, self.layer2_downsample, self.layer3_downsample = (
            nn.Conv2d(dim, 2 * dim, 3, 2, padding=1, bias=False) for dim in dims[:3]
        )
        self.fuse_mode12, self.fuse_mode123, self.fuse_mode1234 = map(_AttentiveSum, dims[1:])
        self.frame_dim = dims[-1] * -(-num_bins // 8)
        self.pool = build_pooling(pooling, self.frame_dim)
        self.seg_1 = nn.Linear(self.pool.out_dim, embed_dim)

    def encode(self, features: Tensor) -> SpeakerCue:
        """The cue of features (batch, bins, frames); its frames are what is pooled."""
        first = self.layer1(torch.relu(self.bn1(self.conv1(features.unsqueeze(1)))))
        second = self.layer2(first)
        third = self.layer3(second)
        fourth = self.layer4(third)
        # Global feature fusion: what earlier stages say goes along with the later ones.
        fused = self.fuse_mode12(second, self.layer1_downsample(first))
        fused = self.fuse_mode123(third, self.layer2_downsample(fused))
        fused = self.fuse_mode1234(fourth, self.layer3_downsample(fused))
        frames = fused.flatten(1, 2)
        return SpeakerCue(self.seg_1(self.pool(frames)), CueFrames(frames))
