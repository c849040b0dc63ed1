"""What the stages of a ReDimNet are made of; module names are WeSpeaker's."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_NUM_HEADS = 4
_EPSILON = 1e-6


class ChannelNorm(nn.Module):
    """LayerNorm over the channels of each place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, *places), of the same shape."""
        x = x.transpose(1, -1)
        return F.layer_norm(x, x.shape[-1:], self.weight, self.bias, _EPSILON).transpose(1, -1)


class ConvNeXtBlock(nn.Module):
    """A grouped convolution, then one across channels, beside a shortcut.

    Args:
        channels: In and out.
        kernel: Its width, and height for pictures.
        group_dim: Channels in a group.
        is_picture: Whether it takes (batch, channels, bins, frames) or (batch, channels, frames).
    """

    def __init__(self, channels: int, kernel: int, group_dim: int, *, is_picture: bool) -> None:
        super().__init__()
        conv = nn.Conv2d if is_picture else nn.Conv1d
        norm = nn.BatchNorm2d if is_picture else nn.BatchNorm1d
        groups = channels // group_dim
        # The paper has several kernels beside one another; all published sizes have one.
        self.dwconvs = nn.ModuleList(
            [conv(channels, channels, kernel, padding=kernel // 2, groups=groups)]
        )
        self.norm = norm(channels)
        self.pwconv1 = conv(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`x`, and something added to it."""
        return x + self.pwconv1(F.gelu(self.norm(self.dwconvs[0](x))))


class _FrequencyWeights(nn.Module):
    """Squeeze and excitation of frequencies."""

    def __init__(self, bins: int, hidden_dim: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(bins, hidden_dim)
        self.exitation = nn.Linear(hidden_dim, bins)  # the published spelling

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.exitation(torch.relu(self.squeeze(x.mean(dim=(1, 3))))))
        return x * gate[:, None, :, None]


class ResidualBlock(nn.Module):
    """Two grouped convolutions of pictures, each with one across channels, beside a shortcut.

    Args:
        channels: In and out.
        group_dim: Channels in a group.
        weighed_bins: Bins of the pictures, if they are weighed; None if not.
    """

    def __init__(self, channels: int, group_dim: int, *, weighed_bins: int | None) -> None:
        super().__init__()
        groups = channels // group_dim
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, groups=groups, bias=False)
        self.conv1pw = nn.Conv2d(channels, channels, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=groups, bias=False)
        self.conv2pw = nn.Conv2d(channels, channels, 1)
        self.bn2 = nn.BatchNorm2d(channels)
        self.se = (
            nn.Identity()
            if weighed_bins is None
            else _FrequencyWeights(weighed_bins, min(64, max(channels, 32)))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, bins, frames), of the same shape."""
        y = self.bn1(torch.relu(self.conv1pw(self.conv1(x))))
        return torch.relu(x + self.se(self.bn2(self.conv2pw(self.conv2(y)))))


def build_squeeze(wide: int, narrow: int, group_dim: int) -> nn.Sequential:
    """Layers from the `wide` pictures inside a stage to the `narrow` ones between stages."""
    return nn.Sequential(
        nn.Conv2d(wide, narrow, 3, padding=1, groups=narrow // group_dim),
        nn.BatchNorm2d(narrow, eps=_EPSILON),
        nn.GELU(),
        nn.Conv2d(narrow, narrow, 1),
    )


class _Attention(nn.Module):
    """Attention of every frame to all frames."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.k_proj = nn.Linear(channels, channels)
        self.v_proj = nn.Linear(channels, channels)
        self.q_proj = nn.Linear(channels, channels)
        self.out_proj = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, frames, channels), of the same shape."""
        queries, keys, values = (
            project(x).unflatten(-1, (_NUM_HEADS, -1)).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        found = F.scaled_dot_product_attention(queries, keys, values)
        return self.out_proj(found.transpose(1, 2).flatten(2))


class _FeedForward(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.intermediate_dense = nn.Linear(channels, channels)
        self.output_dense = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.output_dense(F.gelu(self.intermediate_dense(x), approximate="tanh"))


class _Transformer(nn.Module):
    """A transformer layer, normalised after each addition."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = _Attention(channels)
        self.layer_norm = nn.LayerNorm(channels, eps=_EPSILON)
        self.feed_forward = _FeedForward(channels)
        self.final_layer_norm = nn.LayerNorm(channels, eps=_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, frames), of the same shape."""
        x = x.transpose(1, 2)
        x = self.layer_norm(x + self.attention(x))
        return self.final_layer_norm(x + self.feed_forward(x)).transpose(1, 2)


class TimeContext(nn.Module):
    """Convolutions over more and more frames, then attention to all, in fewer channels.

    Args:
        channels: In and out.
        hidden_dim: Inside; rounded down to whole heads.
    """

    def __init__(self, channels: int, hidden_dim: int) -> None:
        super().__init__()
        hidden_dim = max(_NUM_HEADS, hidden_dim // _NUM_HEADS * _NUM_HEADS)
        self.red_dim_conv = nn.Sequential(
            nn.Conv1d(channels, hidden_dim, 1), ChannelNorm(hidden_dim)
        )
        self.tcm = nn.Sequential(
            *(ConvNeXtBlock(hidden_dim, kernel, 1, is_picture=False) for kernel in (7, 19, 31, 59)),
            _Transformer(hidden_dim),
        )
        self.exp_dim_conv = nn.Conv1d(hidden_dim, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (batch, channels, frames), and something added to it."""
        return x + self.exp_dim_conv(self.tcm(self.red_dim_conv(x)))
