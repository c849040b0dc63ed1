"""Trials that go together because they are heard in one mixture."""

from __future__ import annotations

import re

# As LibriMix's lists have them: each speaker of a mixture is its target once.
_SPEAKER_OF_MIXTURE = re.compile(r"s\d+/(.+)")


def mixture_of(trial: str) -> str:
    """The mixture of a trial: `a_b` of `s1/a_b` and `s2/a_b`; any other id is one of its own."""
    found = _SPEAKER_OF_MIXTURE.fullmatch(trial)
    return found[1] if found else trial
