"""Waveforms in, waveforms or features out; nothing here is learnt.

Samples are float32 in -1..1, one channel. Only `io`, and `ark` for it, touch files.
"""

from wesep_like.audio.units import to_samples

__all__ = ["to_samples"]
