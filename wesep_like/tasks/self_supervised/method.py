"""What a method of learning without labels is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from wesep_like.config.registry import Registry
from wesep_like.config.sections import check_sizes
from wesep_like.data.crops import CropBatch, Crops
from wesep_like.errors import ConfigError
from wesep_like.losses.self_supervised import Projection

Embed = Callable[[Sequence[Crops]], Tensor]  # -> (crops, batch, embed)
M = TypeVar("M", bound=nn.Module)


class Method(nn.Module, ABC):
    """How an encoder, the student, learns from several crops of each utterance.

    It has the heads, and what it remembers of earlier steps; encoders are the task's. Its
    constructor gets the width of their embedding, `embed_dim`, and the options of the config.

    Attributes:
        has_teacher: Whether there is a second encoder without gradients that follows the first.
        keeps_teacher: Whether this one is what is validated and kept.
        num_crops: How many crops of each utterance it takes; None: two or more.
        compares_batch: Whether it needs other utterances in the batch.
        head: Of the student.
        teacher_head: Follows it, where there is a teacher.
    """

    has_teacher: ClassVar[bool] = False
    keeps_teacher: ClassVar[bool] = False
    num_crops: ClassVar[int | None] = None
    compares_batch: ClassVar[bool] = False
    head: nn.Module
    teacher_head: nn.Module

    @abstractmethod
    def losses(
        self, batch: CropBatch, student: Embed, teacher: Embed, step: int
    ) -> dict[str, Tensor]:
        """What is minimised as `loss`, and what else is worth logging.

        Args:
            batch: The crops.
            student: Hears some of them.
            teacher: Hears some of them, without gradients.
            step: Of the run, from 0.
        """

    def momentum(self, step: int, num_steps: int) -> float:
        """How much of its weights the teacher keeps at a step."""
        raise NotImplementedError

    def before_step(self, step: int) -> None:  # noqa: B027  # most leave gradients as they are
        """Changes gradients, before they are clipped."""

    def after_step(self, *, is_taken: bool) -> None:  # noqa: B027  # some remember nothing
        """Remembers what the batches of a step have shown; nothing, if it was left out.

        All processes call it.
        """


METHODS: Registry[Method] = Registry("method", Method)


@dataclass(frozen=True)
class ProjectionOptions:
    """The option `head` of a method that contrasts.

    Attributes:
        hidden_dim: Between its two layers.
        out_dim: Of what is compared.
    """

    hidden_dim: int = 2048
    out_dim: int = 128

    def __post_init__(self) -> None:
        check_sizes(hidden_dim=self.hidden_dim, out_dim=self.out_dim)


PROJECTION = ProjectionOptions()


def projection(head: ProjectionOptions | None, embed_dim: int) -> tuple[nn.Module, int]:
    """The head of such a method, and its width; without one embeddings are compared."""
    if head is None:
        return nn.Identity(), embed_dim
    return Projection(embed_dim, head.hidden_dim, head.out_dim), head.out_dim


def follower_of(leader: M) -> M:
    """A copy that learns nothing by itself."""
    return deepcopy(leader).requires_grad_(False)


def follow(follower: nn.Module, leader: nn.Module, momentum: float) -> None:
    """The weights of one become `momentum` of themselves and the rest of the other's."""
    own, others = ([weight.detach() for weight in of.parameters()] for of in (follower, leader))
    if own:
        get_ema_multi_avg_fn(momentum)(own, others, None)


def check_temperatures(**temperatures: float) -> None:
    """Goes on only if every temperature is above 0.

    Raises:
        ConfigError: With every one that is not.
    """
    wrong = {name: value for name, value in temperatures.items() if value <= 0}
    if wrong:
        raise ConfigError(f"{name}: expected more than 0, got {wrong[name]}" for name in wrong)


def check_momenta(**momenta: float) -> None:
    """Goes on only if every momentum is from 0 to 1.

    Raises:
        ConfigError: With every one that is not.
    """
    wrong = {name: value for name, value in momenta.items() if not 0 <= value <= 1}
    if wrong:
        raise ConfigError(f"{name}: expected 0 to 1, got {wrong[name]}" for name in wrong)
