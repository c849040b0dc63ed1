"""Short-time Fourier transform with one convention for the whole package."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class STFT(nn.Module):
    """A centred STFT with a periodic Hann window, and its inverse.

    Args:
        win_samples: Window and transform length.
        hop_samples: Step between frames; at most half the window, else the inverse is poor.
    """

    window: Tensor

    def __init__(self, win_samples: int, hop_samples: int) -> None:
        super().__init__()
        self.win_samples = win_samples
        self.hop_samples = hop_samples
        # Not saved: the arguments determine it.
        self.register_buffer("window", torch.hann_window(win_samples), persistent=False)

    @property
    def num_bins(self) -> int:
        """Frequencies from 0 to the Nyquist frequency, both included."""
        return self.win_samples // 2 + 1

    @property
    def min_samples(self) -> int:
        """The shortest signal that can be reflected at its ends."""
        return self.win_samples // 2 + 1

    def forward(self, samples: Tensor) -> Tensor:
        """The complex spectrum (batch, bins, frames) of `samples` (batch, samples)."""
        return torch.stft(
            samples.float(),
            self.win_samples,
            self.hop_samples,
            window=self.window.float(),
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )

    def inverse(self, spectrum: Tensor, num_samples: int) -> Tensor:
        """The signal (batch, num_samples) of `spectrum` (batch, bins, frames)."""
        return torch.istft(
            spectrum,
            self.win_samples,
            self.hop_samples,
            window=self.window.float(),
            center=True,
            length=num_samples,
        )
