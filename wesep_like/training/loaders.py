"""Batches for the trainer: training examples by number, validation examples in order."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset

from wesep_like.data.dataset import BatchNumbers, Fixed, share_numbers
from wesep_like.errors import WesepLikeError

_log = logging.getLogger(__name__)

_MAX_VALID_WORKERS = 2  # they only read; most of a validation is the model's work


class Loaders(LightningDataModule):
    """Training and validation batches.

    Args:
        train: Any number is an example.
        valid: Fixed; one example at a time, so that none is padded.
        collate: Examples -> batch.
        collate_valid: The same of validation examples; None: as of training examples.
        batch_size: Training examples a batch, on each process.
        batches_per_step: How many batches the trainer takes for a step.
        num_workers: Processes that make training examples; as many, but at most two, read those
            of a validation while it runs.
    """

    def __init__(
        self,
        train: Dataset[Any],
        valid: Fixed,
        collate: Callable[[list[Any]], Any],
        *,
        collate_valid: Callable[[list[Any]], Any] | None = None,
        batch_size: int,
        batches_per_step: int,
        num_workers: int,
    ) -> None:
        super().__init__()
        self._train = _ErrorsHandedOn(train)
        self._valid = _ErrorsHandedOn(valid)
        self._num_valid = len(valid)
        self._collate = _collate_or_hand_on(collate)
        self._collate_valid = _collate_or_hand_on(collate_valid or collate)
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
        """The share of this process."""
        assert self.trainer is not None
        rank, num_ranks = self.trainer.global_rank, self.trainer.world_size
        return DataLoader(
            self._valid,
            batch_size=1,
            sampler=share_numbers(self._num_valid, rank, num_ranks),
            collate_fn=self._collate_valid,
            num_workers=min(self._num_workers, _MAX_VALID_WORKERS),
        )

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps: how many examples all processes together take at a time."""
        assert self.trainer is not None
        return {"examples": self._batch_size * self.trainer.world_size}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Warns if a resumed run takes more or fewer: numbers of examples follow from steps."""
        before, now = state_dict["examples"], self.state_dict()["examples"]
        if before != now:
            _log.warning(
                "%d examples a batch on all processes together, and %d before: from here on, some "
                "examples come again or are left out. To go on with the very next ones, change "
                "trainer.batch_size or the number of processes back",
                now,
                before,
            )

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """The batch; if a worker met an error in place of one, raises that."""
        if isinstance(batch, WesepLikeError):
            raise batch
        return batch


class _ErrorsHandedOn(Dataset[Any]):
    """Examples, or the error in place of one.

    What a worker process raises, torch raises again with all of its traceback for a message.

    Args:
        examples: By number.
    """

    def __init__(self, examples: Dataset[Any] | Fixed) -> None:
        self._examples = examples

    def __getitem__(self, number: int) -> Any:
        try:
            return self._examples[number]
        except WesepLikeError as error:
            return error


def _collate_or_hand_on(
    collate: Callable[[list[Any]], Any],
) -> Callable[[list[Any]], Any]:
    """`collate`, but of examples with an error among them the first error."""

    def batch_or_error(examples: list[Any]) -> Any:
        errors = (example for example in examples if isinstance(example, WesepLikeError))
        error = next(errors, None)
        return collate(examples) if error is None else error

    return batch_or_error
