"""Batches for the trainer: training examples by number, validation examples in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset

from wesep_like.data.dataset import BatchNumbers


class Loaders(LightningDataModule):
    """Training and validation batches.

    Args:
        train: Any number is an example.
        valid: Fixed; one example at a time, so that none is padded.
        collate: Examples -> batch.
        batch_size: Training examples a batch, on each process.
        batches_per_step: How many batches the trainer takes for a step.
        num_workers: Processes that make training examples.
    """

    def __init__(
        self,
        train: Dataset[Any],
        valid: Dataset[Any],
        collate: Callable[[list[Any]], Any],
        *,
        batch_size: int,
        batches_per_step: int,
        num_workers: int,
    ) -> None:
        super().__init__()
        self._train = train
        self._valid = valid
        self._collate = collate
        self._batch_size = batch_size
        self._batches_per_step = batches_per_step
        self._num_workers = num_workers

    def train_dataloader(self) -> DataLoader[Any]:
        """From the batch on that the trainer's step needs: after a resume not the first."""
        assert self.trainer is not None
        numbers = BatchNumbers(
            self._batch_size,
            first_batch=self.trainer.global_step * self._batches_per_step,
            rank=self.trainer.global_rank,
            num_ranks=self.trainer.world_size,
        )
        return DataLoader(
            self._train,
            batch_sampler=numbers,
            collate_fn=self._collate,
            num_workers=self._num_workers,
            persistent_workers=self._num_workers > 0,
            pin_memory=self.trainer.strategy.root_device.type == "cuda",
        )

    def val_dataloader(self) -> DataLoader[Any]:
        """Every process sees every example: sets are small, and then the means are everywhere."""
        return DataLoader(self._valid, batch_size=1, collate_fn=self._collate)
