"""What a reader calls a metric, its unit, and how many of its decimals mean something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wesep_like.evaluation.comparison import FAILURE
from wesep_like.evaluation.report.html import interval
from wesep_like.evaluation.scoring import WRONG_VOICE
from wesep_like.metrics.report import FAILURE_BELOW_DB


@dataclass(frozen=True)
class MetricName:
    """How the mean of a metric is shown."""

    name: str
    unit: str = ""
    decimals: int = 2

    @property
    def title(self) -> str:
        """The name with its unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def show(self, value: float) -> str:
        """The value as text, in the unit but without it."""
        return f"{self.factor * value:.{self.decimals}f}"

    def show_interval(self, ends: Sequence[float] | None) -> str:
        """An interval as text; a dash for none."""
        return interval(ends and [self.factor * end for end in ends], self.decimals)

    @property
    def factor(self) -> int:
        """What a value is multiplied by to have the unit: shares are shown as percentages."""
        return 100 if self.unit == "%" else 1


METRIC_NAMES = {
    "si_sdri": MetricName("SI-SDRi", "dB"),
    "si_sdr": MetricName("SI-SDR", "dB"),
    "sdri": MetricName("SDRi", "dB"),
    "sdr": MetricName("SDR", "dB"),
    "pesq_wb": MetricName("PESQ, wide band"),
    "pesq_nb": MetricName("PESQ, narrow band"),
    "stoi": MetricName("STOI", decimals=3),
    "estoi": MetricName("ESTOI", decimals=3),
    "similarity": MetricName("Similarity to the enrollment", decimals=3),
    "dnsmos_ovrl": MetricName("DNSMOS, overall"),
    "dnsmos_sig": MetricName("DNSMOS, speech"),
    "dnsmos_bak": MetricName("DNSMOS, background"),
    "dnsmos_p808": MetricName("DNSMOS, P.808"),
    WRONG_VOICE: MetricName("Wrong voice", "%", 1),
    FAILURE: MetricName(f"Failures: SI-SDRi below {FAILURE_BELOW_DB:g} dB", "%", 1),
    "attenuation_db": MetricName("Attenuation where the target is absent", "dB", 1),
}
"""Those that a report shows, in its order; the mixture's own value of each is `mixture_NAME`."""
