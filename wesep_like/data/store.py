"""From clips to samples, with decoded files kept in memory if wanted."""

from __future__ import annotations

import copy
from collections import ChainMap, OrderedDict

import numpy as np

from wesep_like.audio import io
from wesep_like.audio.resample import resample
from wesep_like.data.simulation.plans import Clip
from wesep_like.errors import AudioError, SampleRateError

_FULL_SCALE = 32768.0


class AudioStore:
    """Reads clips at one sample rate.

    What a clip of an Opus or MP3 file sounds like depends a little (-40 dB) on where decoding
    began: at the clip without a cache, at the beginning of the file with one.

    Args:
        sample_rate: Of what `read` returns, in Hz.
        cache_megabytes: How much decoded audio each process keeps, the least recently used dropped
            first. Kept speech is rounded to 16 bits: half the memory, and exact for 16-bit files. A
            file larger than an eighth of this is not kept.
    """

    def __init__(self, sample_rate: int, *, cache_megabytes: float = 0) -> None:
        self.sample_rate = sample_rate
        self._kept = _Kept(int(cache_megabytes * 1e6))
        self._contents: ChainMap[str, bytes] = ChainMap()

    def holding(self, contents: dict[str, bytes]) -> AudioStore:
        """A store that has these files, by path, in memory, and the rest as this one has it.

        The two share the decoded audio that they keep.
        """
        store = copy.copy(self)
        store._contents = self._contents.new_child(contents)
        return store

    def read(self, clip: Clip) -> np.ndarray:
        """The clip's samples as float32, (samples,), at the store's sample rate.

        Raises:
            AudioError: If the file is missing, broken, or shorter than the clip; names it.
        """
        return self._read(clip, np.dtype(np.int16))

    def read_response(self, clip: Clip) -> np.ndarray:
        """As `read`, for a room's response: never rounded, since its tail is far below its peak."""
        return self._read(clip, np.dtype(np.float32))

    def _read(self, clip: Clip, kept_as: np.dtype) -> np.ndarray:
        whole = self._whole_file(clip, kept_as) if self._kept.max_bytes else None
        if whole is None:
            read = io.read(
                clip.path,
                content=self._contents.get(clip.path),
                channel=clip.channel,
                start=clip.start,
                num_samples=clip.num_samples,
            )
            samples = self._checked(read, clip)
        else:
            samples = whole[clip.start : clip.start + clip.num_samples].astype(np.float32)
            if whole.dtype == np.int16:
                samples /= _FULL_SCALE
        if len(samples) != clip.num_samples:
            raise AudioError(
                f"{clip.path}: ends at sample {clip.start + len(samples)}, but "
                f"{clip.start + clip.num_samples} were expected. Prepare the corpus again"
            )
        return resample(samples, clip.sample_rate, self.sample_rate)

    def _whole_file(self, clip: Clip, kept_as: np.dtype) -> np.ndarray | None:
        key = (clip.path, clip.channel, clip.sample_rate, kept_as.name)
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        content = self._contents.get(clip.path)
        num_samples = io.info(clip.path, content=content).num_samples
        if num_samples * kept_as.itemsize > self._kept.max_bytes / 8:
            return None
        read = io.read(clip.path, content=content, channel=clip.channel)
        whole = self._checked(read, clip)
        if np.abs(whole).max() > 1:  # a file of floats that would not fit into 16 bits
            kept_as = np.dtype(np.float32)
        if kept_as == np.int16:
            whole = np.clip(np.rint(whole * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1)
        whole = whole.astype(kept_as)
        self._kept.add(key, whole)
        return whole

    def _checked(self, waveform: io.Waveform, clip: Clip) -> np.ndarray:
        if waveform.sample_rate != clip.sample_rate:
            raise SampleRateError(
                f"{clip.path}: is at {waveform.sample_rate} Hz, but its manifest says "
                f"{clip.sample_rate} Hz. Prepare the corpus again"
            )
        return waveform.samples


class _Kept:
    """Arrays up to a number of bytes, the least recently used dropped first."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.arrays: OrderedDict[tuple[object, ...], np.ndarray] = OrderedDict()
        self.num_bytes = 0

    def get(self, key: tuple[object, ...]) -> np.ndarray | None:
        if key not in self.arrays:
            return None
        self.arrays.move_to_end(key)
        return self.arrays[key]

    def add(self, key: tuple[object, ...], array: np.ndarray) -> None:
        self.arrays[key] = array
        self.num_bytes += array.nbytes
        while self.num_bytes > self.max_bytes:
            _, dropped = self.arrays.popitem(last=False)
            self.num_bytes -= dropped.nbytes
