"""What is learnt of speakers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from wesep_like.data.speech import SpeechBatch
from wesep_like.losses import SpeakerHead, SpeakerLoss
from wesep_like.models.speakers import SpeakerModule
from wesep_like.tasks.encoder import EncoderTask, LabelledTrials, embedding_of
from wesep_like.tasks.margin_schedule import MarginSchedule
from wesep_like.tasks.parameter_groups import MakeOptimizer
from wesep_like.tasks.written import is_written


@dataclass(frozen=True)
class WeightedSpeakerLoss:
    """A loss on the embedding, its name in the logs and its weight in the sum."""

    name: str
    loss: SpeakerLoss
    weight: float


class VerificationTask(EncoderTask):
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
        super().__init__(model, make_optimizer, trials=trials, learning_rates=learning_rates)
        self.losses = list(losses)
        self.head = nn.ModuleList(weighted.loss for weighted in losses)
        self.classes = list(classes)
        self.margin_schedule = margin_schedule

    def signals(self, batch: SpeechBatch) -> dict[str, Tensor]:
        """See the base."""
        return {"speech": batch.speech}

    def parts(self) -> dict[str, nn.Module]:
        """See the base."""
        return {"speaker": self.model, "head": self.head}

    def training_losses(self, batch: SpeechBatch) -> dict[str, Tensor]:
        """Each term of the loss by name, unweighted, and their weighted sum as `loss`.

        Where a loss tells classes apart, `accuracy` is the share of what it tells rightly.
        """
        embedding = embedding_of(self.model, batch.speech, batch.masks)
        terms = {w.name: w.loss(embedding, batch.speakers) for w in self.losses}
        total = torch.stack([w.weight * terms[w.name] for w in self.losses]).sum()
        heads = [w.loss for w in self.losses if isinstance(w.loss, SpeakerHead)]
        if heads and is_written(self.trainer):
            terms["accuracy"] = _accuracy(heads[0], embedding, batch.speakers)
        return {**terms, "loss": total}

    def training_step(self, batch: SpeechBatch, index: int) -> Tensor:
        """One step's loss, with as much of the margin as the schedule says of the step."""
        if self.margin_schedule is not None:
            share = self.margin_schedule.share(self.trainer.global_step)
            for weighted in self.losses:
                weighted.loss.margin_share = share
            self.log("train/margin_share", share, batch_size=1)
        terms = self.training_losses(batch)
        self.take_note(terms["loss"], batch.ids)
        self.log_terms(terms, batch.ids, told=("loss", "accuracy"))
        return terms["loss"]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """With the names of the classes; see `classes`."""
        checkpoint["classes"] = self.classes


def _accuracy(head: SpeakerHead, embedding: Tensor, speakers: Tensor) -> Tensor:
    """How many of those whose class is known look most like it, without a margin."""
    with torch.no_grad():
        known = speakers >= 0
        right = head.logits(embedding.detach()).argmax(-1) == speakers
        return (right & known).sum() / known.sum().clamp_min(1)
