import lightning
import pytest
import torch
from torch.utils.data import DataLoader

from wesep_like.errors import ConfigError
from wesep_like.tasks.validated import VALIDATED
from wesep_like.training import engine
from wesep_like.training.engine import TrainerOptions


def test_all_wrong_options_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        TrainerOptions(
            num_steps=0,
            batch_size=-1,
            max_bad_steps=0,
            stop_after=0,
            clip_grad_norm=0.0,
            ema_decay=1.0,
            keep_best=-1,
        )
    assert caught.value.problems == (
        "num_steps: expected at least 1, got 0",
        "batch_size: expected at least 1, got -1",
        "max_bad_steps: expected at least 1, got 0",
        "stop_after: expected at least 1, got 0",
        "keep_best: expected at least 0, got -1",
        "clip_grad_norm: expected more than 0, got 0.0",
        "ema_decay: expected between 0 and 1, got 1.0",
    )


def test_gradients_are_clipped_together_and_keep_their_direction(monkeypatch, tmp_path):
    # WeSep clips each tensor by itself, which turns the gradient as a whole.
    seen = {}

    class Task(lightning.LightningModule):
        validated = VALIDATED["extraction"]

        def __init__(self):
            super().__init__()
            self.small = torch.nn.Parameter(torch.zeros(1))
            self.large = torch.nn.Parameter(torch.zeros(1))
            self.model = torch.nn.Linear(1, 1)

        def training_step(self, batch, index):
            return 3 * self.small.sum() + 40 * self.large.sum()

        def configure_optimizers(self):
            return torch.optim.SGD([self.small, self.large], lr=0.1)

        def on_train_batch_end(self, *args):
            seen["small"], seen["large"] = self.small.item(), self.large.item()

    class Loaders(lightning.LightningDataModule):
        def train_dataloader(self):
            return DataLoader([0.0, 0.0])

    monkeypatch.setattr(engine, "MetricsFile", lambda *args: lightning.Callback())
    monkeypatch.setattr(engine, "StepLines", lambda *args: lightning.Callback())
    options = TrainerOptions(num_steps=1, clip_grad_norm=5.0, log_every=1)
    engine.fit(Task(), Loaders(), tmp_path, options, {}, device=torch.device("cpu"))
    norm = (3**2 + 40**2) ** 0.5
    assert seen["small"] == pytest.approx(-0.1 * 5 * 3 / norm, rel=1e-4)
    assert seen["large"] == pytest.approx(-0.1 * 5 * 40 / norm, rel=1e-4)
