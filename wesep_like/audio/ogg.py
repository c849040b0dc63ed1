"""Ogg files that are cut short, which libsndfile does not tell."""

from __future__ import annotations

_HEADER_BYTES = 27
PAGE_BYTES = _HEADER_BYTES + 255 + 255 * 255
"""The longest page: RFC 3533 has a header, then up to 255 lengths of up to 255 bytes each."""


def has_last_page(end: bytes) -> bool:
    """Whether a file ends with a whole page, marked as the last.

    Args:
        end: Its last `PAGE_BYTES`, or all of it.
    """
    _, mark, page = end.rpartition(b"OggS")
    page = mark + page
    if len(page) < _HEADER_BYTES:
        return False
    num_lengths = page[26]
    num_bytes = _HEADER_BYTES + num_lengths + sum(page[_HEADER_BYTES : _HEADER_BYTES + num_lengths])
    return len(page) >= num_bytes and bool(page[5] & 4)
