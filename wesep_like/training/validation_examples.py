"""The same few validation mixtures at every validation, to be heard and seen in TensorBoard."""

from __future__ import annotations

from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger

from wesep_like.audio.spectrogram import power_spectrogram, spectrogram_picture


class ValidationExamples(Callback):
    """Writes signals and spectrograms of the first examples.

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        self._count = count

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        task: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Writes what the task shows of the batch; a validation batch is one example."""
        if batch_idx >= self._count or not trainer.is_global_zero:
            return
        assert isinstance(trainer.logger, TensorBoardLogger)
        writer, step = trainer.logger.experiment, trainer.global_step
        for shown in outputs["shown"]:
            pictures = []
            for name, signal in shown.signals.items():
                signal = signal.detach().float().cpu()
                signal = 0.9 * signal / signal.abs().max().clamp_min(1e-8)
                writer.add_audio(
                    f"{shown.name}/{name}", signal, step, sample_rate=shown.sample_rate
                )
                pictures.append(spectrogram_picture(power_spectrogram(signal)))
            # From top to bottom in the order of the task: mixture, estimate, target.
            gap = torch.ones(4, pictures[0].shape[1])
            stacked = torch.cat([row for picture in pictures for row in (picture, gap)][:-1])
            writer.add_image(f"{shown.name}/spectrograms", stacked, step, dataformats="HW")
