"""What is learnt of speakers alone, and how it is validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from wesep_like.data.speech import SpeechBatch, SpeechClips, render_speech
from wesep_like.losses import SpeakerHead, SpeakerLoss
from wesep_like.metrics.detection import eer, min_dcf
from wesep_like.models.speakers import SpeakerModule
from wesep_like.tasks.base import Task
from wesep_like.tasks.gathered import gathered, mean_terms
from wesep_like.tasks.margin_schedule import MarginSchedule
from wesep_like.tasks.parameter_groups import MakeOptimizer, groups_by_rate
from wesep_like.tasks.validated import VALIDATED
from wesep_like.tasks.written import is_written


@dataclass(frozen=True)
class WeightedSpeakerLoss:
    """A loss on the embedding, its name in the logs and its weight in the sum."""

    name: str
    loss: SpeakerLoss
    weight: float


@dataclass(frozen=True)
class LabelledTrials:
    """Pairs of utterances, and whether each has one speaker.

    Args:
        first: Names, (trials,).
        second: Names, (trials,).
        is_target: (trials,) bool.
    """

    first: Sequence[str]
    second: Sequence[str]
    is_target: np.ndarray


class VerificationTask(Task):
    """Learns to tell speakers apart: what a batch means. How steps are run is the trainer's.

    Args:
        model: The speaker encoder.
        losses: Of its embeddings, summed by their weights.
        make_optimizer: Groups of parameters -> optimiser and its schedule, stepped every step.
        classes: The names of those that are told apart, in the order of their numbers. A
            checkpoint keeps them, so that another run can begin with the weights of these.
        trials: What validation scores.
        margin_schedule: None: all of a margin is held from the beginning.
        learning_rates: Of the parts `speaker` and `head`, where one learns at another rate.
    """

    model: SpeakerModule
    validated = VALIDATED["verification"]
    example = "utterance"
    answer = "embeddings"

    def __init__(
        self,
        model: SpeakerModule,
        losses: Sequence[WeightedSpeakerLoss],
        make_optimizer: MakeOptimizer,
        *,
        classes: Sequence[str],
        trials: LabelledTrials,
        margin_schedule: MarginSchedule | None = None,
        learning_rates: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.losses = list(losses)
        self.head = nn.ModuleList(weighted.loss for weighted in losses)
        self.classes = list(classes)
        self.trials = trials
        self.margin_schedule = margin_schedule
        self.learning_rates = dict(learning_rates or {})
        self._make_optimizer = make_optimizer
        self._embeddings: dict[str, np.ndarray] = {}  # of a validation's utterances

    @property
    def answering(self) -> nn.Module:
        """See the base."""
        return self.model

    def signals(self, batch: SpeechBatch) -> dict[str, Tensor]:
        """See the base."""
        return {"speech": batch.speech}

    def parts(self) -> dict[str, nn.Module]:
        """See the base."""
        return {"speaker": self.model, "head": self.head}

    def on_after_batch_transfer(self, clips: SpeechClips, dataloader_idx: int) -> SpeechBatch:
        """Rooms, noise and effects, on the device that the clips are on by now."""
        return render_speech(clips)

    def training_losses(self, batch: SpeechBatch) -> dict[str, Tensor]:
        """Each term of the loss by name, unweighted, and their weighted sum as `loss`.

        Where a loss tells classes apart, `accuracy` is the share of what it tells rightly.
        """
        embedding = self._embedding(batch)
        terms = {w.name: w.loss(embedding, batch.speakers) for w in self.losses}
        total = torch.stack([w.weight * terms[w.name] for w in self.losses]).sum()
        heads = [w.loss for w in self.losses if isinstance(w.loss, SpeakerHead)]
        if heads and is_written(self.trainer):
            terms["accuracy"] = _accuracy(heads[0], embedding, batch.speakers)
        return {**terms, "loss": total}

    def _embedding(self, batch: SpeechBatch) -> Tensor:
        cue = (
            self.model(batch.speech)
            if batch.masks is None
            else self.model(batch.speech, batch.masks)
        )
        assert cue.embedding is not None
        return cue.embedding

    def training_step(self, batch: SpeechBatch, index: int) -> Tensor:
        """One step's loss, with as much of the margin as the schedule says of the step."""
        if self.margin_schedule is not None:
            share = self.margin_schedule.share(self.trainer.global_step)
            for weighted in self.losses:
                weighted.loss.margin_share = share
            self.log("train/margin_share", share, batch_size=1)
        terms = self.training_losses(batch)
        self.take_note(terms["loss"], batch.ids)
        for name, value in self._logged(terms, batch).items():
            self.log(f"train/{name}", value, prog_bar=name in ("loss", "accuracy"), batch_size=1)
        return terms["loss"]

    def _logged(
        self, terms: Mapping[str, Tensor], batch: SpeechBatch
    ) -> Mapping[str, Tensor | float]:
        """The terms; where they are written down, over the examples of all processes."""
        if self.trainer.world_size == 1 or not is_written(self.trainer):
            return {name: value.detach() for name, value in terms.items()}
        return mean_terms({name: (value.item(), len(batch.ids)) for name, value in terms.items()})

    def validation_step(self, batch: SpeechBatch, index: int) -> dict[str, list[Any]]:
        """The embedding of each utterance, as `embed` would compute it; nothing is `shown`."""
        with torch.autocast(self.device.type, enabled=False):
            cue = self.model.cue(batch.speech, batch.num_samples)
        assert cue.embedding is not None
        for name, embedding in zip(batch.ids, cue.embedding.float().cpu().numpy(), strict=True):
            self._embeddings[name] = embedding
        return {"shown": []}

    def on_validation_epoch_end(self) -> None:
        """Logs the error rates of the trials, whose scores are cosines; of all processes."""
        embeddings: dict[str, np.ndarray] = {}
        for share in gathered(self._embeddings):
            embeddings |= share
        scores, is_target = score(self.trials, embeddings)
        self._embeddings = {}
        if is_target.all() or not is_target.any():
            return  # a run in small validates a few utterances, of which there may be no trials
        is_finite = bool(np.isfinite(scores).all())
        rate = eer(scores, is_target).rate if is_finite else float("nan")
        cost = min_dcf(scores, is_target) if is_finite else float("nan")
        self.log("valid/eer", rate, prog_bar=True, sync_dist=True)
        self.log("valid/min_dcf", cost, sync_dist=True)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """The optimiser of encoder and losses, and its schedule."""
        parts = {"speaker": self.model, "head": self.head}
        rates = {parts[name]: rate for name, rate in self.learning_rates.items()}
        optimizer, schedule = self._make_optimizer(groups_by_rate(self.parameters(), rates))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step", "frequency": 1},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """With the names of the classes; see `classes`."""
        checkpoint["classes"] = self.classes


def score(
    trials: LabelledTrials, embeddings: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of the trials both of whose utterances have an embedding, and their labels."""
    places = {name: place for place, name in enumerate(embeddings)}
    rows = [
        (places[first], places[second], is_target)
        for first, second, is_target in zip(
            trials.first, trials.second, trials.is_target, strict=True
        )
        if first in places and second in places
    ]
    if not rows:
        return np.zeros(0), np.zeros(0, bool)
    first, second, is_target = (np.array(column) for column in zip(*rows, strict=True))
    units = np.stack(list(embeddings.values()))
    units = units / np.maximum(np.linalg.norm(units, axis=-1, keepdims=True), 1e-12)
    return (units[first] * units[second]).sum(-1), is_target


def _accuracy(head: SpeakerHead, embedding: Tensor, speakers: Tensor) -> Tensor:
    """How many of those whose class is known look most like it, without a margin."""
    with torch.no_grad():
        known = speakers >= 0
        right = head.logits(embedding.detach()).argmax(-1) == speakers
        return (right & known).sum() / known.sum().clamp_min(1)
