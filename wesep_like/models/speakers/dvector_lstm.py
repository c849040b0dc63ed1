"""D-vector speaker encoder: a recurrent network whose last frame tells of the speaker."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wesep_like.audio.fbank import WindowName
from wesep_like.config.sections import check_sizes
from wesep_like.errors import ConfigError
from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.speakers.base import SPEAKERS, FbankEncoder


@SPEAKERS.register("dvector_lstm")
class DVectorLSTM(FbankEncoder):
    """LSTM with projection over windows of frames (4.7 M parameters).

    The last frame of a window, transformed and of unit length, is its d-vector; the embedding is
    the mean of the windows'. They overlap by half; the last ends with the features.

    Args:
        sample_rate: Hz.
        num_layers: Of the LSTM.
        hidden_dim: Cells in each.
        projection_dim: What each passes on, to itself and to the next; fewer than `hidden_dim`.
        window_frames: Length of a window; features that are shorter are one.
        embed_dim: Width of the embedding.
        num_bins: Mel bins.
        window: Analysis window of the filterbank.
        waveform_scale: What samples in [-1, 1] are multiplied by first.

    Source:
        Wan et al., "Generalized End-to-End Loss for Speaker Verification", ICASSP 2018, sections
        2.1 and 3: sizes of the text-independent model. Deviations: silence is not cut out first,
        and the last window may overlap more.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        num_layers: int = 3,
        hidden_dim: int = 768,
        projection_dim: int = 256,
        window_frames: int = 160,
        embed_dim: int = 256,
        num_bins: int = 40,
        window: WindowName = "hamming",
        waveform_scale: float = 32768.0,
    ) -> None:
        check_sizes(
            num_layers=num_layers,
            hidden_dim=hidden_dim,
            projection_dim=projection_dim,
            window_frames=window_frames,
            embed_dim=embed_dim,
            num_bins=num_bins,
        )
        if projection_dim >= hidden_dim:
            raise ConfigError(
                f"projection_dim: expected less than hidden_dim ({hidden_dim}), "
                f"got {projection_dim}"
            )
        super().__init__(sample_rate, num_bins, window, waveform_scale)
        self.embed_dim = embed_dim
        self.frame_dim = projection_dim
        self.window_frames = window_frames
        self.lstm = nn.LSTM(
            num_bins, hidden_dim, num_layers, batch_first=True, proj_size=projection_dim
        )
        self.linear = nn.Linear(projection_dim, embed_dim)

    def encode(self, features: Tensor) -> SpeakerCue:
        """The cue of features (batch, bins, frames).

        Its frames are the LSTM's, each of the first window that it is in.
        """
        num_frames = features.shape[-1]
        length = min(self.window_frames, num_frames)
        ends = [*range(length, num_frames, max(1, length // 2)), num_frames]
        windows = torch.stack([features[..., end - length : end] for end in ends], dim=1)
        with warnings.catch_warnings():
            # torch tells of it once; it computes the same without.
            warnings.filterwarnings("ignore", "LSTM with projections is not supported with oneDNN")
            heard, _ = self.lstm(windows.flatten(0, 1).transpose(1, 2))
        heard = heard.unflatten(0, (-1, len(ends)))  # (batch, windows, frames, channels)
        embedding = F.normalize(self.linear(heard[:, :, -1]), dim=-1).mean(dim=1)
        starts = [0, *ends[:-1]]
        new = [
            heard[:, number, length - (end - start) :]
            for number, (start, end) in enumerate(zip(starts, ends, strict=True))
        ]
        return SpeakerCue(embedding, CueFrames(torch.cat(new, dim=1).transpose(1, 2)))
