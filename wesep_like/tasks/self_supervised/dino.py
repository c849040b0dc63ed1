"""DINO: a student says of each crop what a teacher, who follows it, says of the long ones."""

from __future__ import annotations

import math

import torch
from torch import Tensor, distributed

from wesep_like.config.sections import check_sizes
from wesep_like.data.crops import CropBatch
from wesep_like.errors import ConfigError
from wesep_like.losses.self_supervised import PrototypeHead, distillation, entropy
from wesep_like.tasks.gathered import are_several
from wesep_like.tasks.self_supervised.method import (
    METHODS,
    Embed,
    Method,
    check_momenta,
    check_temperatures,
    follower_of,
)


@METHODS.register("dino")
class DINO(Method):
    """Self-distillation without labels. The teacher, which hears the longest crops, is kept.

    That both say the same of everything is held off by the centre, a moving average that is taken
    away from what the teacher says, and by its low temperature.

    Args:
        embed_dim: Width of an embedding.
        out_dim: Prototypes.
        hidden_dim: Of the head's layers.
        bottleneck_dim: In which prototypes are compared.
        num_layers: Of the head, before the prototypes.
        batch_norm: After each of these layers but the last.
        teacher_momentum: What the teacher keeps of its weights at the first step; it rises to 1 at
            the end of the run, as a cosine.
        teacher_temperature: What the teacher's cosines are divided by.
        first_teacher_temperature: The same at the first step.
        teacher_warmup_steps: From the one to the other, in a straight line.
        student_temperature: What the student's cosines are divided by.
        centre_momentum: What the centre keeps of itself at each step.
        frozen_steps: In the first of these the prototypes do not learn.

    Source:
        Caron et al., "Emerging Properties in Self-Supervised Vision Transformers", ICCV 2021; of
        speakers, Cho et al., "Non-contrastive self-supervised learning of utterance-level speech
        representations", Interspeech 2022, and Chen et al., "A comprehensive study on
        self-supervised distillation for speaker representation learning", SLT 2022.
    """

    has_teacher = True
    keeps_teacher = True

    head: PrototypeHead
    teacher_head: PrototypeHead
    centre: Tensor

    def __init__(
        self,
        embed_dim: int,
        *,
        out_dim: int = 65536,
        hidden_dim: int = 2048,
        bottleneck_dim: int = 256,
        num_layers: int = 3,
        batch_norm: bool = False,
        teacher_momentum: float = 0.996,
        teacher_temperature: float = 0.07,
        first_teacher_temperature: float = 0.04,
        teacher_warmup_steps: int = 0,
        student_temperature: float = 0.1,
        centre_momentum: float = 0.9,
        frozen_steps: int = 0,
    ) -> None:
        check_sizes(
            out_dim=out_dim,
            hidden_dim=hidden_dim,
            bottleneck_dim=bottleneck_dim,
            num_layers=num_layers,
        )
        check_temperatures(
            teacher_temperature=teacher_temperature,
            first_teacher_temperature=first_teacher_temperature,
            student_temperature=student_temperature,
        )
        check_momenta(teacher_momentum=teacher_momentum, centre_momentum=centre_momentum)
        for name, steps in (
            ("teacher_warmup_steps", teacher_warmup_steps),
            ("frozen_steps", frozen_steps),
        ):
            if steps < 0:
                raise ConfigError(f"{name}: expected at least 0, got {steps}")
        super().__init__()
        self.head = PrototypeHead(
            embed_dim, out_dim, hidden_dim, bottleneck_dim, num_layers, batch_norm
        )
        self.teacher_head = follower_of(self.head)
        self.register_buffer("centre", torch.zeros(out_dim))
        self.teacher_momentum = teacher_momentum
        self.student_temperature = student_temperature
        self.centre_momentum = centre_momentum
        self.frozen_steps = frozen_steps
        self._temperatures = (first_teacher_temperature, teacher_temperature)
        self._warmup_steps = teacher_warmup_steps
        self._means: list[Tensor] = []  # of what the teacher said of the step's batches

    def losses(
        self, batch: CropBatch, student: Embed, teacher: Embed, step: int
    ) -> dict[str, Tensor]:
        """With the entropy of what the teacher says, and of the mean of it over the batch.

        Where the one rises to the logarithm of `out_dim`, or the other falls to 0, the encoder has
        collapsed.
        """
        heard = student(batch.lengths)
        said = self.head(heard.flatten(0, 1)).unflatten(0, heard.shape[:2])
        with torch.no_grad():
            heard = teacher(batch.lengths[:1])
            logits = self.teacher_head(heard.flatten(0, 1))
            self._means.append(logits.mean(0))
            temperature = self.teacher_temperature(step)
            wanted = ((logits - self.centre) / temperature).softmax(-1)
            wanted = wanted.unflatten(0, heard.shape[:2])
        return {
            "teacher_entropy": entropy(wanted),
            "mean_entropy": entropy(wanted.mean((0, 1))),
            "loss": distillation(said / self.student_temperature, wanted),
        }

    def teacher_temperature(self, step: int) -> float:
        """That of a step."""
        first, last = self._temperatures
        if step >= self._warmup_steps:
            return last
        return first + (last - first) * step / self._warmup_steps

    def momentum(self, step: int, num_steps: int) -> float:
        """See the base."""
        rest = (1 + math.cos(math.pi * min(1.0, step / num_steps))) / 2
        return 1 - (1 - self.teacher_momentum) * rest

    def before_step(self, step: int) -> None:
        """Prototypes do not learn in the first steps."""
        if step < self.frozen_steps:
            self.head.prototypes.grad = None

    def after_step(self, *, is_taken: bool) -> None:
        """The centre moves towards what the teacher has said in all processes."""
        means, self._means = self._means, []
        if not is_taken:
            return
        mean = torch.stack(means).mean(0)
        if are_several():
            distributed.all_reduce(mean)
            mean = mean / distributed.get_world_size()
        self.centre.lerp_(mean, 1 - self.centre_momentum)
