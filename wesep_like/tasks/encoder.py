"""What every training of a plain speaker encoder has: its validation, by trials."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from wesep_like.audio.feature_masks import FeatureMasks
from wesep_like.data.speech import SpeechBatch, SpeechClips, render_speech
from wesep_like.metrics.detection import eer, min_dcf
from wesep_like.models.speakers import SpeakerModule
from wesep_like.tasks.base import Task
from wesep_like.tasks.gathered import gathered, mean_terms
from wesep_like.tasks.parameter_groups import MakeOptimizer, groups_by_rate
from wesep_like.tasks.validated import VALIDATED
from wesep_like.tasks.written import is_written


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


class EncoderTask(Task):
    """Learns a plain speaker encoder, whose validation is the error rate of labelled trials.

    Args:
        model: The encoder that is validated and kept.
        make_optimizer: Groups of parameters -> optimiser and its schedule, stepped every step.
        trials: What validation scores.
        learning_rates: Of parts that learn at another rate.
    """

    model: SpeakerModule
    validated = VALIDATED["verification"]
    example = "utterance"
    answer = "embeddings"

    def __init__(
        self,
        model: SpeakerModule,
        make_optimizer: MakeOptimizer,
        *,
        trials: LabelledTrials,
        learning_rates: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.trials = trials
        self.learning_rates = dict(learning_rates or {})
        self._make_optimizer = make_optimizer
        self._embeddings: dict[str, np.ndarray] = {}  # of a validation's utterances

    @property
    def answering(self) -> nn.Module:
        """See the base."""
        return self.model

    @abstractmethod
    def parts(self) -> dict[str, nn.Module]:
        """See the base; those of `learning_rates` are among them."""

    def on_after_batch_transfer(self, clips: SpeechClips, dataloader_idx: int) -> Any:
        """Rooms, noise and effects, on the device that the clips are on by now."""
        return render_speech(clips)

    def log_terms(
        self, terms: Mapping[str, Tensor], ids: Sequence[str], told: Sequence[str]
    ) -> None:
        """Logs terms of a batch's loss; where they are written down, over all processes.

        Args:
            terms: Each the mean over the examples of this process.
            ids: These examples.
            told: The names of those that the progress bar tells.
        """
        values: Mapping[str, Tensor | float]
        values = {name: value.detach() for name, value in terms.items()}
        if self.trainer.world_size > 1 and is_written(self.trainer):
            values = mean_terms({name: (value.item(), len(ids)) for name, value in terms.items()})
        for name, value in values.items():
            self.log(f"train/{name}", value, prog_bar=name in told, batch_size=1)

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
        """The optimiser of all that learns, and its schedule."""
        parts = self.parts()
        rates = {parts[name]: rate for name, rate in self.learning_rates.items()}
        optimizer, schedule = self._make_optimizer(groups_by_rate(self.parameters(), rates))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step", "frequency": 1},
        }


def embedding_of(encoder: nn.Module, speech: Tensor, masks: FeatureMasks | None) -> Tensor:
    """What an encoder that learns makes of speech of one length.

    Args:
        encoder: Called as a module is, so that hooks see it.
        speech: (batch, samples).
        masks: What of its features is not heard; None if all is.

    Returns:
        (batch, embed).
    """
    cue = encoder(speech) if masks is None else encoder(speech, masks)
    assert cue.embedding is not None
    return cue.embedding


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
