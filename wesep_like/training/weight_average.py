"""An exponential moving average of the weights (EMA)."""

from __future__ import annotations

from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from wesep_like.tasks.finite import FiniteSteps


class WeightAverage(Callback):
    """Averages the weights of the task's `model` over the steps; validation is of the average.

    Averaged is what is learnt, and statistics such as BatchNorm's; what is frozen stays to the
    last bit, and integers, such as counters, are those of the model. After n steps the decay is
    the smaller of `decay` and (1 + n) / (10 + n), so that the first weights are soon forgotten.

    Lightning's EMAWeightAveraging copies the whole task, frozen parts and discriminator too;
    averages integers, which stops counters and would spoil an encoder that is kept as bytes; and
    takes the average back before the best model is written.

    Args:
        decay: What the average keeps of itself at each step, between 0 and 1.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._num_updates = 0
        self._last_step = 0
        self._averages: dict[str, Tensor] = {}
        self._set_aside: dict[str, Tensor] = {}

    def weights(self, model: nn.Module) -> dict[str, Tensor]:
        """The state of `model`, averaged."""
        return {**model.state_dict(), **self._averages}

    def on_train_start(self, trainer: Trainer, task: LightningModule) -> None:
        """Begins with the weights as they are; after a resume, goes on."""
        learnt = _learnt(task)
        if self._averages:
            for name, weight in learnt.items():
                self._averages[name] = self._averages[name].to(weight.device)
        else:
            self._averages = {name: weight.clone() for name, weight in learnt.items()}
        self._last_step = trainer.global_step

    def on_train_batch_end(self, trainer: Trainer, task: LightningModule, *rest: Any) -> None:
        """After a step; a batch whose gradients are only added up is none."""
        if trainer.global_step == self._last_step:
            return
        self._last_step = trainer.global_step
        if isinstance(task, FiniteSteps) and task.not_finite:
            return  # the step was left out
        decay = min(self._decay, (1 + self._num_updates) / (10 + self._num_updates))
        self._num_updates += 1
        learnt = _learnt(task)
        # What has stayed the same is left as it is: `a + (b - a) * weight` is then a.
        update = get_ema_multi_avg_fn(decay)
        update([self._averages[name] for name in learnt], list(learnt.values()), None)

    def on_validation_epoch_start(self, trainer: Trainer, task: LightningModule) -> None:
        """Puts the averages in the place of the weights, which are set aside."""
        learnt = _learnt(task)
        self._set_aside = {name: weight.clone() for name, weight in learnt.items()}
        _copy(self._averages, learnt)

    def on_validation_epoch_end(self, trainer: Trainer, task: LightningModule) -> None:
        """Puts the weights back, before any checkpoint is written."""
        _copy(self._set_aside, _learnt(task))
        self._set_aside = {}

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"averages": self._averages, "num_updates": self._num_updates}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """After a resume."""
        self._averages = dict(state_dict["averages"])
        self._num_updates = state_dict["num_updates"]


def _learnt(task: LightningModule) -> dict[str, Tensor]:
    """What is averaged of the state of the task's model; the very tensors, without gradients."""
    state = task.get_submodule("model").state_dict(keep_vars=True)
    return {
        name: value.detach()
        for name, value in state.items()
        if value.is_floating_point()
        and (value.requires_grad or not isinstance(value, nn.Parameter))
    }


def _copy(source: dict[str, Tensor], target: dict[str, Tensor]) -> None:
    with torch.no_grad():
        for name, value in target.items():
            value.copy_(source[name])
