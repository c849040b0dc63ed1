"""Scores one extracted voice against the truth, and draws the spectrograms one above another."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
import torch
from scipy import signal

from wesep_like.audio.io import Waveform, read
from wesep_like.metrics.sdr import si_sdr

matplotlib.use("Agg")  # a file is drawn, no screen is wanted
import matplotlib.pyplot as plt


def score(estimate: Waveform, target: Waveform) -> float:
    """SI-SDR in dB; larger is better."""
    return float(si_sdr(torch.from_numpy(estimate.samples), torch.from_numpy(target.samples)))


def spectrogram_db(wave: Waveform) -> np.ndarray:
    """Power in dB, (bins, frames); digital silence is at -100 dB."""
    _, _, power = signal.spectrogram(wave.samples, wave.sample_rate, nperseg=512, noverlap=384)
    return 10 * np.log10(np.maximum(power, 1e-10))


def draw(waves: dict[str, Waveform], path: Path) -> None:
    """Saves one spectrogram a signal, all on one scale of colour, as a picture."""
    figure, axes = plt.subplots(len(waves), figsize=(9, 7), sharex=True, layout="constrained")
    spectrograms = [spectrogram_db(wave) for wave in waves.values()]
    loudest = max(spectrogram.max() for spectrogram in spectrograms)
    for axis, (title, wave), spectrogram in zip(axes, waves.items(), spectrograms, strict=True):
        image = axis.imshow(
            spectrogram,
            origin="lower",
            aspect="auto",
            extent=(0, len(wave.samples) / wave.sample_rate, 0, wave.sample_rate / 2000),
            vmin=loudest - 70,
            vmax=loudest,
        )
        axis.set(title=title, ylabel="frequency (kHz)")
    axes[-1].set_xlabel("time (s)")
    figure.colorbar(image, ax=axes, label="power (dB)")
    figure.savefig(path, dpi=120)


def main() -> None:
    """Reads the three files, prints the scores, saves the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mixture", type=Path)
    parser.add_argument("estimate", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--picture", type=Path, required=True, help="PNG file to write")
    arguments = parser.parse_args()

    mixture, estimate, target = map(read, (arguments.mixture, arguments.estimate, arguments.target))
    before, after = score(mixture, target), score(estimate, target)
    print(f"SI-SDR of the mixture:         {before:6.2f} dB")
    print(f"SI-SDR of the extracted voice: {after:6.2f} dB")
    print(f"improvement (SI-SDRi):         {after - before:6.2f} dB")
    waves = {"mixture": mixture, "extracted voice": estimate, "target (the truth)": target}
    draw(waves, arguments.picture)


if __name__ == "__main__":
    main()
