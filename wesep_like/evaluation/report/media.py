"""Pictures and sounds as text that a page can hold: data URIs."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import numpy as np
import soundfile

# Dark to light, each about as much lighter than the one before: it also reads in grey.
_COLOURS = np.array(
    [(8, 8, 32), (66, 18, 96), (140, 32, 108), (212, 68, 76), (247, 142, 60), (254, 236, 180)]
)
_NUM_SHADES = 32  # the eye tells no more apart, and the file is half as large as with 256


def png_uri(picture: np.ndarray) -> str:
    """A picture of shades in [0, 1], (rows, columns), in colours."""
    rows, columns = picture.shape
    shades = np.rint(picture * (_NUM_SHADES - 1)).astype(np.uint8)
    places = np.linspace(0, len(_COLOURS) - 1, _NUM_SHADES)
    palette = np.stack(
        [np.interp(places, range(len(_COLOURS)), channel) for channel in _COLOURS.T], axis=1
    )
    lines = np.pad(shades, ((0, 0), (1, 0)))  # before each line the number of its filter: none
    content = (
        b"\x89PNG\r\n\x1a\n"
        # 8 bits a pixel, which are a place in the palette; usual compression, not interlaced.
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0))
        + _chunk(b"PLTE", np.rint(palette).astype(np.uint8).tobytes())
        + _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9))
        + _chunk(b"IEND", b"")
    )
    return _uri("image/png", content)


def flac_uri(samples: np.ndarray, sample_rate: int) -> str:
    """A sound of (samples,) in -1..1 with 16 bits.

    FLAC loses nothing, so that what is heard is what the model made and not what a codec made of
    it; it takes a bit more than half of WAV, and every browser since 2017 plays it.
    """
    content = io.BytesIO()
    soundfile.write(content, samples, sample_rate, format="FLAC", subtype="PCM_16")
    return _uri("audio/flac", content.getvalue())


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
