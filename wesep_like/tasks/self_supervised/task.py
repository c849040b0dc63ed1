"""What is learnt of speech alone, without knowing who speaks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.optim import Optimizer

from wesep_like.data.crops import CropBatch, CropClips, Crops, render_crops
from wesep_like.data.speech import SpeechClips
from wesep_like.models.speakers import SpeakerModule
from wesep_like.tasks.encoder import EncoderTask, LabelledTrials, embedding_of
from wesep_like.tasks.parameter_groups import MakeOptimizer
from wesep_like.tasks.self_supervised.method import Method, follow, follower_of
from wesep_like.tasks.written import is_written


class SelfSupervisedTask(EncoderTask):
    """Learns that crops of one utterance are of one voice.

    Where a method has a teacher, that is a copy of the encoder which follows it after each step
    that is taken. What is validated and kept, `model`, is the encoder that the method says.

    Args:
        encoder: As training begins with it.
        method: How it learns.
        make_optimizer: Groups of parameters -> optimiser and its schedule, stepped every step.
        trials: What validation scores; these alone have labels.
        learning_rates: Of the part `speaker`, if it learns at another rate than the head.
    """

    def __init__(
        self,
        encoder: SpeakerModule,
        method: Method,
        make_optimizer: MakeOptimizer,
        *,
        trials: LabelledTrials,
        learning_rates: Mapping[str, float] | None = None,
    ) -> None:
        teacher = follower_of(encoder) if method.has_teacher else None
        kept, other = (teacher, encoder) if method.keeps_teacher else (encoder, teacher)
        assert kept is not None
        super().__init__(kept, make_optimizer, trials=trials, learning_rates=learning_rates)
        self.other = other
        self.method = method

    @property
    def student(self) -> SpeakerModule:
        """The encoder that gradients teach."""
        found = self.other if self.method.keeps_teacher else self.model
        assert found is not None
        return found

    @property
    def teacher(self) -> SpeakerModule | None:
        """The one that follows it."""
        return self.model if self.method.keeps_teacher else self.other

    @property
    def answering(self) -> nn.Module:
        """See the base."""
        return self.student

    def signals(self, batch: CropBatch) -> dict[str, Tensor]:
        """See the base."""
        return {f"crops {number}": of.speech for number, of in enumerate(batch.lengths, start=1)}

    def parts(self) -> dict[str, nn.Module]:
        """See the base."""
        teacher = {} if self.teacher is None else {"teacher": self.teacher}
        return {"speaker": self.student, **teacher, "method": self.method}

    def on_after_batch_transfer(self, clips: CropClips | SpeechClips, dataloader_idx: int) -> Any:
        """Of training several crops an utterance, of validation whole ones."""
        if isinstance(clips, CropClips):
            return render_crops(clips)
        return super().on_after_batch_transfer(clips, dataloader_idx)

    def training_losses(self, batch: CropBatch) -> dict[str, Tensor]:
        """The method's terms, of which `loss` is minimised.

        Of steps that are written down also `spread`: how far embeddings of different utterances lie
        apart, 1 in all directions, 0 at one point, which is a collapse.
        """
        heard: list[Tensor] = []

        def student(crops: Sequence[Crops]) -> Tensor:
            heard.append(_embeddings(self.student, crops))
            return heard[-1]

        @torch.no_grad()
        def teacher(crops: Sequence[Crops]) -> Tensor:
            assert self.teacher is not None
            return _embeddings(self.teacher, crops)

        terms = self.method.losses(batch, student, teacher, self.trainer.global_step)
        if is_written(self.trainer):
            terms = {"spread": _spread(heard[0][0].detach()), **terms}
        return terms

    def training_step(self, batch: CropBatch, index: int) -> Tensor:
        """One step's loss."""
        terms = self.training_losses(batch)
        self.take_note(terms["loss"], batch.ids)
        self.log_terms(terms, batch.ids, told=("loss",))
        return terms["loss"]

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """See the base; the method may drop some gradients first."""
        self.method.before_step(self.trainer.global_step)
        super().configure_gradient_clipping(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def optimizer_step(
        self,
        epoch: int,
        batch_idx: int,
        optimizer: Any,
        optimizer_closure: Callable[[], Any] | None = None,
    ) -> None:
        """Then the teacher follows, before a callback may write a checkpoint."""
        step = self.trainer.global_step
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        is_taken = not self.not_finite
        if is_taken and self.teacher is not None:
            momentum = self.method.momentum(step, self.trainer.max_steps)
            follow(self.teacher, self.student, momentum)
            follow(self.method.teacher_head, self.method.head, momentum)
        self.method.after_step(is_taken=is_taken)


def _embeddings(encoder: nn.Module, crops: Sequence[Crops]) -> Tensor:
    """(crops, batch, embed); those of one length are heard together."""
    heard = [
        embedding_of(encoder, of.speech.flatten(0, 1), of.masks).unflatten(0, of.speech.shape[:2])
        for of in crops
    ]
    return torch.cat(heard)


def _spread(embedding: Tensor) -> Tensor:
    """The standard deviation of each channel over (batch, embed) of length 1, times sqrt(embed)."""
    deviations = normalize(embedding.float(), dim=-1).std(dim=0, unbiased=False)
    return deviations.mean() * math.sqrt(embedding.shape[-1])
