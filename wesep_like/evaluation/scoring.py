"""The scores of one mixture, computed in this process or another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import numpy as np
import torch

from wesep_like.config.sections import nearest
from wesep_like.errors import ConfigError, SampleRateError, SilentSignalError, WesepLikeError
from wesep_like.inference.embedder import Embedder
from wesep_like.metrics.attenuation import attenuation
from wesep_like.metrics.dnsmos import SCORES as DNSMOS_SCORES
from wesep_like.metrics.dnsmos import check_installed as check_dnsmos_installed
from wesep_like.metrics.dnsmos import dnsmos
from wesep_like.metrics.pesq import BANDS, pesq
from wesep_like.metrics.report import FAILURE_BELOW_DB
from wesep_like.metrics.sdr import sdr, si_sdr
from wesep_like.metrics.stoi import stoi

METRICS = ("si_sdr", "sdr", "pesq", "stoi", "estoi", "similarity", "dnsmos")
"""What a user may ask for; `similarity` is of the extracted voice and the enrollment."""

ATTENUATION = "attenuation_db"
"""Instead of all these where the target is absent: how much quieter than the mixture it is."""

WRONG_VOICE = "wrong_voice"
"""1 where the output is an extraction of the interferers, by the measure of failures; else 0."""

_IMPROVED = ("si_sdr", "sdr")  # ratios in dB, of which the gain over the mixture is of interest
_PESQ = {"pesq_wb": "wb", "pesq_nb": "nb"}
_DNSMOS = tuple(f"dnsmos_{score}" for score in DNSMOS_SCORES)
_ESTIMATE_ALONE = ("similarity", ATTENUATION)  # what the mixture itself has no value of


def choose_scores(metrics: Sequence[str] | None, sample_rate: int) -> tuple[str, ...]:
    """What to compute for the metrics that a user names, in the order of the table.

    `si_sdr` is always among it. PESQ is of each band that the rate has. DNSMOS brings `similarity`,
    for it is as high where nothing was extracted.

    Args:
        metrics: Some of `METRICS`; None for all that the rate has but DNSMOS.
        sample_rate: Of the mixtures, in Hz.

    Raises:
        ConfigError: If there is no such metric.
        SampleRateError: If PESQ is asked for at a rate that it has no meaning at.
        MissingPackageError: If DNSMOS is asked for and not installed.
    """
    bands = BANDS.get(sample_rate, ())
    if metrics is None:
        metrics = [name for name in METRICS if name != "dnsmos"]
    elif "pesq" in metrics and not bands:
        raise SampleRateError(
            f"metrics: PESQ has no meaning at {sample_rate} Hz, only at "
            f"{' and '.join(map(str, BANDS))} Hz. Leave it out"
        )
    for name in metrics:
        if name not in METRICS:
            hint = nearest(name, METRICS)
            raise ConfigError(
                f"metrics: no metric is called {name!r}{hint}. Known: {', '.join(METRICS)}"
            )
    chosen = {"si_sdr", *metrics}
    if "dnsmos" in chosen:
        check_dnsmos_installed()
        chosen.add("similarity")
    pesq_of_rate = tuple(score for score, band in _PESQ.items() if band in bands)
    parts = [pesq_of_rate if name == "pesq" else (name,) for name in METRICS if name in chosen]
    return tuple(chain.from_iterable(parts))


def columns_of(scores: Sequence[str]) -> list[str]:
    """The numbers of a row: each score, its improvement, and its value for the mixture."""
    columns: list[str] = []
    for score in scores:
        names = _columns(score)
        columns += names
        if score in _IMPROVED:
            columns.append(f"{score}i")
        if score == "si_sdr":
            columns.append(WRONG_VOICE)
        if score not in _ESTIMATE_ALONE:
            columns += [f"mixture_{name}" for name in names]
    return columns


@dataclass
class ScoringJob:
    """What is needed to score one mixture.

    Args:
        row: What is known already; scoring adds the rest.
        scores: As `choose_scores` gives them.
        sample_rate: Of the signals, in Hz.
        signals: `mixture`, `estimate`, `target` and `enrollment`, each (samples,); None if there is
            no estimate. The row then says why.
    """

    row: dict[str, Any]
    scores: tuple[str, ...]
    sample_rate: int
    has_target: bool
    signals: dict[str, np.ndarray] | None = None


def score(job: ScoringJob) -> dict[str, Any]:
    """The row of a mixture with its scores; those that have no value are None, and it says why."""
    row, signals = job.row, job.signals
    if signals is None:
        return row
    if not job.has_target:
        pair = (torch.from_numpy(signals[name]) for name in ("estimate", "mixture"))
        row[ATTENUATION] = float(attenuation(*pair))
        return row
    for name in job.scores:
        if name == ATTENUATION:
            continue
        try:
            row.update(_values(name, job, signals))
        except WesepLikeError as error:
            add_notes(row, [_told(name, error)])
        if row["si_sdr"] is None:
            return row  # a silent target, say: nothing else means anything then
    return row


def add_notes(row: dict[str, Any], notes: Iterable[str]) -> None:
    """Adds to what a row says in words, each thing once."""
    for note in notes:
        if note not in row["note"]:
            row["note"] += f"; {note}" if row["note"] else note


def _values(name: str, job: ScoringJob, signals: dict[str, np.ndarray]) -> dict[str, float | None]:
    """One score: of the estimate, of the mixture, and how much better the one is."""
    if name == "similarity":
        pair = signals["estimate"], signals["enrollment"]
        return {name: _encoder().similarity(*pair, job.sample_rate)}
    after, before = (
        _measure(name, signals[kind], signals["target"], job.sample_rate)
        for kind in ("estimate", "mixture")
    )
    values: dict[str, float | None] = {
        **after,
        **{f"mixture_{column}": value for column, value in before.items()},
    }
    if name in _IMPROVED:
        values[f"{name}i"] = after[name] - before[name]
    if name == "si_sdr" and job.row.get("interferers"):
        values[WRONG_VOICE] = _wrong_voice(signals)
    return values


def _measure(
    name: str, signal: np.ndarray, target: np.ndarray, sample_rate: int
) -> dict[str, float]:
    if name in _IMPROVED:
        # In double precision: sums over long signals lose digits in single.
        pair = torch.from_numpy(signal).double(), torch.from_numpy(target).double()
        return {name: float(si_sdr(*pair) if name == "si_sdr" else sdr(*pair))}
    if name in _PESQ:
        return {name: pesq(signal, target, sample_rate, band=_PESQ[name])}
    if name == "dnsmos":
        return dict(zip(_DNSMOS, dnsmos(signal, sample_rate).values(), strict=True))
    return {name: stoi(signal, target, sample_rate, extended=name == "estoi")}


def _wrong_voice(signals: dict[str, np.ndarray]) -> float | None:
    """1 if the estimate would be no failure were the target all else in the mixture; else 0."""
    rest = torch.from_numpy(signals["mixture"] - signals["target"]).double()
    try:
        after, before = (
            si_sdr(torch.from_numpy(signals[kind]).double(), rest)
            for kind in ("estimate", "mixture")
        )
    except SilentSignalError:
        return None
    return float(after - before >= FAILURE_BELOW_DB)


def _columns(score: str) -> Sequence[str]:
    """What a table calls the values of a score."""
    return _DNSMOS if score == "dnsmos" else (score,)


def _told(name: str, error: WesepLikeError) -> str:
    """What is wrong, with the metric's name before it."""
    problem = str(error)
    return problem if problem.startswith(("PESQ: ", "STOI: ", "DNSMOS: ")) else f"{name}: {problem}"


@cache
def _encoder() -> Embedder:
    """What tells voices apart: the bundled one, whatever is judged, so that systems compare."""
    return Embedder.load(None, "cpu")
