"""Mixtures that arrive in pieces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from wesep_like.audio.stft import STFT
from wesep_like.errors import AudioError


class Stream(ABC):
    """A mixture in pieces, whose estimate comes in pieces: together as if in one piece."""

    @abstractmethod
    def push(self, samples: Tensor) -> Tensor:
        """The next samples (batch, samples) -> those of the estimate that are certain by now.

        Returns:
            (batch, samples), of any length; none at first.
        """

    @abstractmethod
    def finish(self) -> Tensor:
        """The rest of the estimate (batch, samples), now that nothing more will come.

        Raises:
            AudioError: If the mixture was too short.
        """


class SpectrumStream(Stream):
    """A stream through an STFT, a function of its frames, and the inverse.

    Args:
        stft: Centred, with reflection at both ends.
        separate: Complex frames (batch, bins, frames) -> the same shape. It sees every frame once,
            in order.
    """

    def __init__(self, stft: STFT, separate: Callable[[Tensor], Tensor]) -> None:
        self._stft = stft
        self._separate = separate
        self._half = stft.win_samples // 2
        self._heard: Tensor | None = None  # from where the next frame begins
        self._last: Tensor | None = None  # samples, as many as the end reflects
        self._num_heard = 0
        # From where the next frame will add: what frames have added, and their squared windows. The
        # first is centred on the first sample.
        self._added: Tensor | None = None
        self._windows = stft.window.new_zeros(stft.win_samples, dtype=torch.float32)
        self._place = -self._half

    def push(self, samples: Tensor) -> Tensor:
        """See `Stream.push`."""
        samples = samples.float()
        self._num_heard += samples.shape[-1]
        self._last = _joined(self._last, samples)[:, -self._half - 1 :]
        self._heard = _joined(self._heard, samples)
        if self._added is None:
            if self._num_heard <= self._half:
                return samples[:, :0]
            start = self._heard[:, 1 : self._half + 1].flip(-1)
            self._heard = _joined(start, self._heard)
            self._added = samples.new_zeros(len(samples), self._stft.win_samples)
        return self._tell(self._whole_frames())

    def finish(self) -> Tensor:
        """See `Stream.finish`."""
        if self._added is None or self._last is None:
            raise AudioError(
                f"stream: {self._num_heard} samples are too few. Expected at least {self._half + 1}"
            )
        self._heard = _joined(self._heard, self._last[:, :-1].flip(-1))
        told = self._tell(self._whole_frames())
        rest = (self._added / self._windows)[:, : self._num_heard - self._place]
        return _joined(told, rest)

    def _whole_frames(self) -> Tensor:
        """The estimate of all frames that are whole by now, as spectra (batch, bins, frames)."""
        win, hop = self._stft.win_samples, self._stft.hop_samples
        assert self._heard is not None
        count = max(0, (self._heard.shape[-1] - win) // hop + 1)
        if count == 0:
            return self._heard.new_zeros(len(self._heard), self._stft.num_bins, 0)
        spectrum = torch.stft(
            self._heard[:, : (count - 1) * hop + win],
            win,
            hop,
            window=self._stft.window.float(),
            center=False,
            return_complex=True,
        )
        self._heard = self._heard[:, count * hop :]
        return self._separate(spectrum)

    def _tell(self, spectra: Tensor) -> Tensor:
        """Adds frames to what they overlap; returns the samples that no later frame will change."""
        win, hop = self._stft.win_samples, self._stft.hop_samples
        certain = spectra.shape[-1] * hop
        if certain == 0:
            return spectra.new_zeros(len(spectra), 0)
        window = self._stft.window.float()
        frames = torch.fft.irfft(spectra, win, dim=1) * window[:, None]  # (batch, win, frames)
        assert self._added is not None
        added = nn.functional.pad(self._added, (0, certain))
        windows = nn.functional.pad(self._windows, (0, certain))
        for start, frame in zip(range(0, certain, hop), frames.unbind(-1), strict=True):
            added[:, start : start + win] += frame
            windows[start : start + win] += window.square()
        before = min(certain, max(0, -self._place))  # of the first sample
        told = (added / windows)[:, before : min(certain, self._num_heard - self._place)]
        self._added, self._windows = added[:, certain:], windows[certain:]
        self._place += certain
        return told


def _joined(first: Tensor | None, second: Tensor) -> Tensor:
    return second if first is None else torch.cat([first, second], dim=-1)
