"""The picture that `__main__.py` draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from measure import SAMPLE_RATE, Measured
from torch import Tensor

_COLORS = {"random": "C0", "image": "C1"}
_NAMES = {"random": "random", "image": "pyroomacoustics"}
_NUM_CURVES = 4


def draw(rooms: list[Measured], path: Path) -> None:
    """Three panels: reverberation times, direct over reverberant sound, decay curves."""
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    times, ratios, curves = figure.subplots(1, 3)
    for kind, color in _COLORS.items():
        asked = [room.room.rt60_seconds for room in rooms]
        found = [getattr(room, kind).t30 for room in rooms]
        times.plot(asked, found, ".", color=color, label=_NAMES[kind], alpha=0.7)
    times.axline((0, 0), slope=1, color="gray", linewidth=0.8)
    times.set(xlabel="RT60 asked (s)", ylabel="RT60 measured, T30 (s)", title="Reverberation time")
    times.legend()

    ratios.plot([room.image.drr_db for room in rooms], [room.random.drr_db for room in rooms], ".")
    ratios.axline((0, 0), slope=1, color="gray", linewidth=0.8)
    ratios.set(
        xlabel="pyroomacoustics (dB)", ylabel="random (dB)", title="Direct over reverberant sound"
    )

    by_time = sorted(rooms, key=lambda room: room.room.rt60_seconds)
    for room in by_time[:: max(1, len(by_time) // _NUM_CURVES)][:_NUM_CURVES]:
        for kind, color in _COLORS.items():
            decay_db = _decay_db(getattr(room, kind).taps)
            curves.plot(np.arange(len(decay_db)) / SAMPLE_RATE, decay_db, color=color, linewidth=1)
        end = room.room.rt60_seconds
        curves.plot([0, end], [0, -60], color="gray", linewidth=0.8, linestyle=":")
    curves.set(
        xlabel="after the direct path (s)",
        ylabel="energy still to come (dB)",
        title="Decay of four rooms (dotted: as asked)",
        ylim=(-60, 2),
    )
    figure.savefig(path, dpi=80)


def _decay_db(taps: Tensor) -> np.ndarray:
    to_come = taps.double().square().flip(0).cumsum(0).flip(0)
    return (10 * (to_come / to_come[0]).log10()).numpy()
