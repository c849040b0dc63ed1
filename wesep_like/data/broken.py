"""What cannot be read: left out, said once, counted, and at last too much."""

from __future__ import annotations

import warnings

from wesep_like.errors import AudioError

_MIN_READS = 100  # before this many, a share says little


class BrokenCount:
    """Counts what is broken among what is read.

    Args:
        where: What it belongs to, for the message that ends it.
        what: What is counted, in the plural.
        max_share: Of all that is read; if more is broken, it ends.

    Attributes:
        num_reads: How much was read.
        num_broken: How much of it was broken.
    """

    def __init__(self, where: str, what: str, max_share: float) -> None:
        self.num_reads = 0
        self.num_broken = 0
        self._where = where
        self._what = what
        self._max_share = max_share
        self._warned: set[str] = set()

    def skip(self, problem: AudioError | str) -> None:
        """One more is broken; a warning says how, if it was not said before.

        Raises:
            AudioError: If that is more than the share.
        """
        self.num_broken += 1
        if self.num_reads >= _MIN_READS and self.num_broken > self._max_share * self.num_reads:
            raise AudioError(
                f"{self._where}: {self.num_broken} of {self.num_reads} {self._what} could not be "
                f"read, more than {100 * self._max_share:g}%. The last: {problem}"
            )
        if str(problem) not in self._warned:
            self._warned.add(str(problem))
            warnings.warn(f"skipped: {problem}", stacklevel=4)
