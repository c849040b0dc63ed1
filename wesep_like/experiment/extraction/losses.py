"""The config section `losses` of extraction: from names to what is minimised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wesep_like.config.sections import Problems, located
from wesep_like.errors import ConfigError
from wesep_like.experiment.weights import read_weight
from wesep_like.losses import LOSSES, SPEAKER_LOSSES, AbsentTargetLoss, SpeakerLoss
from wesep_like.tasks.waveform_terms import Weighted


@dataclass(frozen=True)
class LossOptions:
    """The config section `losses`.

    Attributes:
        waveform: Losses of an estimate, each with `name`, `weight` (1 if not given), `estimate` (0,
            the answer, if not given; others where a separator makes several) and options.
        speaker: What tells the training speakers apart, likewise, where the speaker module learns.
        absent: What takes the place of the losses of waveforms where the enrolled speaker does not
            speak.
    """

    waveform: tuple[dict[str, Any], ...] = ({"name": "neg_si_sdr", "weight": 1.0},)
    speaker: dict[str, Any] | None = None
    absent: AbsentTargetLoss = field(default_factory=AbsentTargetLoss)

    def __post_init__(self) -> None:
        if not self.waveform:
            raise ConfigError("waveform: expected at least one loss, got an empty list")


def loss_problems(losses: LossOptions, num_estimates: int | None) -> list[str]:
    """Everything wrong in the sections of the losses.

    Args:
        losses: The sections.
        num_estimates: How many the separator makes; None if it could not be built.
    """
    problems = Problems()
    for number, section in enumerate(losses.waveform):
        where = f"losses.waveform[{number}]"
        with problems.collecting(), located(where):
            term = _term(section)
            problems.lines.extend(LOSSES.problems(term.options, where))
            if num_estimates is not None and term.estimate >= num_estimates:
                problems.add(
                    f"{where}.estimate: expected a number below {num_estimates}, as many as the "
                    f"separator makes, got {term.estimate}"
                )
    if losses.speaker is not None:
        with problems.collecting(), located("losses.speaker"):
            options = _term(losses.speaker).options
            problems.lines.extend(SPEAKER_LOSSES.problems(options, "losses.speaker"))
    return problems.lines


def build_waveform_losses(losses: LossOptions, config_path: str) -> list[Weighted]:
    """The losses of estimates; `config_path` is named in messages."""
    waveform = []
    for number, section in enumerate(losses.waveform):
        term = _term(section)
        name = section["name"] + (f"_{term.estimate + 1}" if term.estimate else "")
        loss = LOSSES.build(term.options, f"{config_path}: losses.waveform[{number}]")
        waveform.append(Weighted(name, loss, term.weight, term.estimate))
    return waveform


def build_speaker_head(
    losses: LossOptions, embed_dim: int | None, num_speakers: int, config_path: str
) -> tuple[SpeakerLoss | None, float]:
    """What tells the training speakers apart, if there is to be one, and its weight.

    Raises:
        ConfigError: If there is no embedding to classify.
    """
    if losses.speaker is None:
        return None, 0.0
    where = f"{config_path}: losses.speaker"
    if embed_dim is None:
        raise ConfigError(
            f"{where}: the speaker module gives no embedding to classify. Expected null"
        )
    term = _term(losses.speaker)
    head = SPEAKER_LOSSES.build(term.options, where, embed_dim=embed_dim, num_speakers=num_speakers)
    return head, term.weight


@dataclass(frozen=True)
class _Term:
    """A term of the loss: name and options of what computes it, its weight, and of what."""

    options: dict[str, Any]
    weight: float
    estimate: int


def _term(section: Mapping[str, Any]) -> _Term:
    """A section of the losses, read.

    Raises:
        ConfigError: If the weight is none, or the number of the estimate.
    """
    options, weight = read_weight(section)
    estimate = options.pop("estimate", 0)
    if type(estimate) is not int or estimate < 0:
        raise ConfigError(f"estimate: expected a whole number of at least 0, got {estimate!r}")
    return _Term(options, weight, estimate)
