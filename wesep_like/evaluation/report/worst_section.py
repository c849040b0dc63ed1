"""The trials that came out worst, to look at and to listen to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from wesep_like.audio.spectrogram import power_spectrogram, spectrogram_picture
from wesep_like.audio.units import to_samples
from wesep_like.evaluation.report.html import figure
from wesep_like.evaluation.report.media import flac_uri, png_uri
from wesep_like.evaluation.report.metric_names import METRIC_NAMES
from wesep_like.evaluation.worst import WorstMixture

_WINDOW_SECONDS = 0.032
_MAX_ROWS, _MAX_COLUMNS = 128, 480  # of a picture


def worst_section(worst: Sequence[WorstMixture]) -> str:
    """One article for each trial: its numbers, and each of its signals as picture and sound."""
    rates = sorted({mixture.sample_rate for mixture in worst})
    reach = " or ".join(f"{rate / 2000:g}" for rate in rates)
    articles = "".join(_article(mixture) for mixture in worst)
    return (
        f"<h2>The worst trials, by SI-SDRi</h2><p>Pictures reach from 0 to {reach} kHz; the four "
        "of a trial have one scale of 70 dB. Sounds are as loud as they are, unless one of the "
        f"four would clip: then all are turned down alike.</p>{articles}"
    )


def _article(mixture: WorstMixture) -> str:
    row, signals = mixture.row, mixture.signals
    peak = max(float(np.abs(signal).max()) for signal in signals.values())
    gain = min(1.0, 1 / peak) if peak else 1.0
    powers = {name: _power(signal, mixture.sample_rate) for name, signal in signals.items()}
    loudest = max(power.max().item() for power in powers.values())
    figures = "".join(
        _signal(
            name,
            spectrogram_picture(powers[name], loudest).numpy(),
            gain * signal,
            mixture.sample_rate,
        )
        for name, signal in signals.items()
    )
    facts = _facts(row)
    if gain < 1:
        facts.append(f"played {-20 * math.log10(gain):.1f} dB quieter than it is")
    lines = [" · ".join(facts), row["note"]]
    told = "".join(f"<p>{escape(line)}</p>" for line in lines if line)
    return (
        f'<article><h3>{escape(row["id"])}</h3>{told}<div class="signals">{figures}</div></article>'
    )


def _facts(row: Mapping[str, Any]) -> list[str]:
    target, _, interferers = row["sexes"].partition("-")
    facts = [f"SI-SDRi {row['si_sdri']:.2f} dB"]
    if row["sir_db"] is not None:
        facts.append(f"SIR {row['sir_db']:.1f} dB")
    facts.append(f"target {row['speaker']}" + (f" ({target})" if target else ""))
    if row["interferers"]:
        sexes = f" ({', '.join(interferers)})" if interferers else ""
        facts.append(f"interferers {row['interferers']}{sexes}")
    for name, told in (("similarity", "similarity"), ("dnsmos_ovrl", "DNSMOS")):
        if row.get(name) is not None:
            facts.append(f"{told} {METRIC_NAMES[name].show(row[name])}")
    return facts


def _power(signal: np.ndarray, sample_rate: int) -> torch.Tensor:
    """Averaged to no more rows and columns than a picture has."""
    samples = torch.from_numpy(np.ascontiguousarray(signal, dtype=np.float32))
    power = power_spectrogram(samples, to_samples(_WINDOW_SECONDS, sample_rate))
    size = min(_MAX_ROWS, power.shape[0]), min(_MAX_COLUMNS, power.shape[1])
    return F.adaptive_avg_pool2d(power[None], size)[0]


def _signal(name: str, picture: np.ndarray, samples: np.ndarray, sample_rate: int) -> str:
    seconds = f"{len(samples) / sample_rate:.1f} s"
    return figure(
        f"{name}, {seconds}",
        f'<img src="{png_uri(picture)}" alt="Spectrogram of the {escape(name)}">'
        f'<audio controls preload="metadata" aria-label="{escape(name)}" '
        f'src="{flac_uri(samples, sample_rate)}"></audio>',
    )
