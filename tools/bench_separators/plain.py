"""BSRNN and TF-GridNet written plainly, for `bench_separators` to compare with.

One module a band and one a head, each called in a loop; axes brought into order by
`permute().contiguous()`; attention by an explicit softmax. They compute what ours compute, with
weights of their own.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from wesep_like.models.separators.bsrnn import BSRNN
from wesep_like.models.separators.tfgridnet import TFGridNet


class _PlainRNN(nn.Module):
    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, dim)
        self.rnn = nn.LSTM(dim, hidden_dim, batch_first=True, bidirectional=True)
        self.projection = nn.Linear(2 * hidden_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(sequences, channels, steps) -> the same shape."""
        hidden, _ = self.rnn(self.norm(x).permute(0, 2, 1).contiguous())
        return x + self.projection(hidden).permute(0, 2, 1).contiguous()


class PlainBSRNN(nn.Module):
    """As `BSRNN` of the same sizes."""

    def __init__(self, ours: BSRNN) -> None:
        super().__init__()
        self.stft = ours.stft
        self.widths = [width for count, width in ours.split.widths for _ in range(count)]
        channels = ours.feature_dims[0]
        hidden_dim = ours.blocks[0].along_time.rnn.hidden_size
        mask_dim = ours.masks.hidden[1].weight.shape[1]
        self.split = nn.ModuleList(
            nn.Sequential(nn.GroupNorm(1, 2 * width), nn.Conv1d(2 * width, channels, 1))
            for width in self.widths
        )
        self.along_time = nn.ModuleList(_PlainRNN(channels, hidden_dim) for _ in ours.blocks)
        self.along_bands = nn.ModuleList(_PlainRNN(channels, hidden_dim) for _ in ours.blocks)
        self.masks = nn.ModuleList(
            nn.Sequential(
                nn.GroupNorm(1, channels),
                nn.Conv1d(channels, mask_dim, 1),
                nn.Tanh(),
                nn.Conv1d(mask_dim, mask_dim, 1),
                nn.Tanh(),
                nn.Conv1d(mask_dim, 4 * width, 1),
            )
            for width in self.widths
        )

    def forward(self, mixture: Tensor) -> Tensor:
        """(batch, samples) -> (batch, 1, samples)."""
        spectrum = self.stft(mixture)
        parts = spectrum.split(self.widths, dim=1)
        features = [
            split(torch.cat([part.real, part.imag], dim=1))
            for split, part in zip(self.split, parts, strict=True)
        ]
        x = torch.stack(features, dim=1)  # (batch, bands, channels, frames)
        batch, bands, channels, frames = x.shape
        for along_time, along_bands in zip(self.along_time, self.along_bands, strict=True):
            x = along_time(x.reshape(batch * bands, channels, frames))
            x = x.view(batch, bands, channels, frames).permute(0, 3, 2, 1).contiguous()
            x = along_bands(x.view(batch * frames, channels, bands))
            x = x.view(batch, frames, channels, bands).permute(0, 3, 2, 1).contiguous()
        estimates = []
        for band, (mask, part) in enumerate(zip(self.masks, parts, strict=True)):
            value, gate = mask(x[:, band]).chunk(2, dim=1)
            real, imag = (value * torch.sigmoid(gate)).chunk(2, dim=1)
            estimates.append(part * torch.complex(real.float(), imag.float()))
        return self.stft.inverse(torch.cat(estimates, dim=1), mixture.shape[-1]).unsqueeze(1)


class _PlainGridRNN(nn.Module):
    def __init__(self, dim: int, hidden_dim: int, kernel_size: int, hop: int) -> None:
        super().__init__()
        self.kernel_size, self.hop = kernel_size, hop
        self.norm = nn.LayerNorm(dim)
        self.rnn = nn.LSTM(dim * kernel_size, hidden_dim, batch_first=True, bidirectional=True)
        self.spread = nn.ConvTranspose1d(2 * hidden_dim, dim, kernel_size, stride=hop)

    def forward(self, x: Tensor) -> Tensor:
        """(sequences, steps, channels) -> the same shape."""
        stacks = nn.functional.unfold(
            self.norm(x).permute(0, 2, 1).contiguous()[..., None],
            (self.kernel_size, 1),
            stride=(self.hop, 1),
        )
        hidden, _ = self.rnn(stacks.permute(0, 2, 1).contiguous())
        spread = self.spread(hidden.permute(0, 2, 1).contiguous())
        return x + spread.permute(0, 2, 1).contiguous()


class _PlainProjection(nn.Module):
    """1x1 convolution, PReLU, layer norm over channels and bins."""

    def __init__(self, in_dim: int, out_dim: int, num_bins: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_dim, out_dim, 1)
        self.activation = nn.PReLU()
        self.weight = nn.Parameter(torch.ones(1, out_dim, 1, num_bins))
        self.bias = nn.Parameter(torch.zeros(1, out_dim, 1, num_bins))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in, frames, bins) -> (batch, out, frames, bins)."""
        x = self.activation(self.conv(x))
        mean = x.mean(dim=(1, 3), keepdim=True)
        deviation = torch.sqrt(x.var(dim=(1, 3), correction=0, keepdim=True) + 1e-5)
        return (x - mean) / deviation * self.weight + self.bias


class _PlainGridBlock(nn.Module):
    def __init__(self, ours: nn.Module, dim: int, num_bins: int) -> None:
        super().__init__()
        sizes = dim, ours.along_time.rnn.hidden_size, ours.kernel_size, ours.hop
        self.along_frequency = _PlainGridRNN(*sizes)
        self.along_time = _PlainGridRNN(*sizes)
        self.pad = ours._padding
        heads = ours.attention.num_heads
        query_dim = ours.attention.sizes[0] // heads
        self.queries, self.keys, self.values = (
            nn.ModuleList(_PlainProjection(dim, width, num_bins) for _ in range(heads))
            for width in (query_dim, query_dim, dim // heads)
        )
        self.out = _PlainProjection(dim, dim, num_bins)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, frames, bins) -> the same shape."""
        batch, channels, frames, bins = x.shape
        (lap, after_bins), (_, after_frames) = self.pad(bins), self.pad(frames)
        x = nn.functional.pad(x, (lap, after_bins, lap, after_frames))
        padded_frames, padded_bins = x.shape[2:]
        x = x.permute(0, 2, 3, 1).contiguous().view(batch * padded_frames, padded_bins, channels)
        x = self.along_frequency(x).view(batch, padded_frames, padded_bins, channels)
        x = x.permute(0, 2, 1, 3).contiguous().view(batch * padded_bins, padded_frames, channels)
        x = self.along_time(x).view(batch, padded_bins, padded_frames, channels)
        x = x.permute(0, 3, 2, 1).contiguous()[..., lap : lap + frames, lap : lap + bins]
        heard = []
        for to_query, to_key, to_value in zip(self.queries, self.keys, self.values, strict=True):
            query, key, value = (
                part.permute(0, 2, 1, 3).contiguous().view(batch, frames, -1)
                for part in (to_query(x), to_key(x), to_value(x))
            )
            weights = torch.softmax(query @ key.transpose(1, 2) / math.sqrt(key.shape[-1]), dim=-1)
            one = (weights @ value).view(batch, frames, -1, bins)
            heard.append(one.permute(0, 2, 1, 3).contiguous())
        return x + self.out(torch.cat(heard, dim=1))


class PlainTFGridNet(nn.Module):
    """As `TFGridNet` of the same sizes."""

    def __init__(self, ours: TFGridNet) -> None:
        super().__init__()
        self.stft = ours.stft
        channels, bins = ours.feature_dims[0], ours.stft.num_bins
        self.conv = nn.Conv2d(2, channels, 3, padding=1)
        self.norm = nn.GroupNorm(1, channels)
        self.blocks = nn.Sequential(
            *(_PlainGridBlock(block, channels, bins) for block in ours.blocks)
        )
        self.deconv = nn.ConvTranspose2d(channels, 2, 3, padding=1)

    def forward(self, mixture: Tensor) -> Tensor:
        """(batch, samples) -> (batch, 1, samples)."""
        level = mixture.std(dim=-1, keepdim=True)
        spectrum = self.stft(mixture / level).transpose(1, 2)
        x = self.norm(self.conv(torch.stack([spectrum.real, spectrum.imag], dim=1)))
        real, imag = self.deconv(self.blocks(x)).float().unbind(1)
        spectrum = torch.complex(real, imag).transpose(1, 2).contiguous()
        return (self.stft.inverse(spectrum, mixture.shape[-1]) * level).unsqueeze(1)
