"""By what a validation tells which model is better."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Validated:
    """A number that every validation of a task finds.

    Attributes:
        name: In the logs.
        is_smaller_better: Else larger is.
        num_digits: After the point, where it is told.
    """

    name: str
    is_smaller_better: bool = False
    num_digits: int = 3

    def goodness(self, value: float) -> float:
        """The value such that larger is better."""
        return -value if self.is_smaller_better else value

    def told(self, value: float) -> str:
        """Name and value for people."""
        return f"{self.name} {value:.{self.num_digits}f}"


_EER = Validated("valid/eer", is_smaller_better=True, num_digits=4)

VALIDATED = {
    "extraction": Validated("valid/si_sdri"),
    "verification": _EER,
    "self_supervised": _EER,
}
