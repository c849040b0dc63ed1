"""The speaker encoder of SpEx+, which shares the filters of the separator."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wesep_like.config.sections import check_sizes
from wesep_like.errors import ConfigError
from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.layers.norms import ChannelNorm
from wesep_like.models.separators.base import Separator
from wesep_like.models.separators.spex_plus import SpExPlus
from wesep_like.models.speakers.base import SPEAKERS, SpeakerModule


class _ResBlock(nn.Module):
    """Two 1x1 convolutions beside a shortcut; one frame of three is kept."""

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(in_dim, out_dim, 1, bias=False)
        self.norm1 = nn.BatchNorm1d(out_dim)
        self.activation1 = nn.PReLU()
        self.conv2 = nn.Conv1d(out_dim, out_dim, 1, bias=False)
        self.norm2 = nn.BatchNorm1d(out_dim)
        self.activation2 = nn.PReLU()
        self.shortcut = (
            nn.Identity() if in_dim == out_dim else nn.Conv1d(in_dim, out_dim, 1, bias=False)
        )
        self.pool = nn.MaxPool1d(3)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in, frames) -> (batch, out, frames // 3)."""
        y = self.activation1(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return self.pool(self.activation2(y + self.shortcut(x)))


@SPEAKERS.register("twin_encoder")
class TwinEncoder(SpeakerModule):
    """A ResNet on the frames that SpEx+'s own filters make of the enrollment.

    Args:
        separator: The model's separator, SpEx+; its filters serve both and belong to it, so that
            they are saved and frozen with the separator.
        embed_dim: Width of the embedding.
        channels: Of the first residual block; the others have twice as many.

    Source:
        Ge et al., "SpEx+: A Complete Time Domain Speaker Extraction Network", Interspeech 2020,
        section 2.2.
    """

    shares_separator = True

    def __init__(self, separator: Separator, *, embed_dim: int = 256, channels: int = 256) -> None:
        check_sizes(embed_dim=embed_dim, channels=channels)
        super().__init__()
        if not isinstance(separator, SpExPlus):
            raise ConfigError("name: 'twin_encoder' goes with the separator 'spex_plus' only")
        self.embed_dim = self.frame_dim = embed_dim
        # Three poolings by three must leave a frame.
        self.min_samples = 27 * separator.filter_samples[0]
        # A method, and no submodule: its weights would be listed twice.
        self._analyse = separator.analyse
        self.layers = nn.Sequential(
            ChannelNorm(separator.num_features),
            nn.Conv1d(separator.num_features, channels, 1),
            _ResBlock(channels, channels),
            _ResBlock(channels, 2 * channels),
            _ResBlock(2 * channels, 2 * channels),
            nn.Conv1d(2 * channels, embed_dim, 1),
        )

    def forward(self, enrollment: Tensor) -> SpeakerCue:
        """The cue of `enrollment` (batch, samples)."""
        frames = self.layers(torch.cat(self._analyse(enrollment), dim=1))
        return SpeakerCue(frames.mean(dim=-1), CueFrames(frames))
