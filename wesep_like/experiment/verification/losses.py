"""The config section `losses` of a plain encoder: from names to what is minimised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wesep_like.config.sections import Problems, located
from wesep_like.errors import ConfigError
from wesep_like.experiment.weights import read_weight
from wesep_like.losses import SPEAKER_LOSSES
from wesep_like.tasks.verification import WeightedSpeakerLoss


@dataclass(frozen=True)
class SpeakerLossOptions:
    """The config section `losses`.

    Attributes:
        speaker: A loss of the embedding with `name`, `weight` (1 if not given) and options; or
            several, which are summed.
    """

    speaker: dict[str, Any] | tuple[dict[str, Any], ...]

    def __post_init__(self) -> None:
        if not self.speaker:
            raise ConfigError("speaker: expected at least one loss, got none")

    @property
    def sections(self) -> dict[str, dict[str, Any]]:
        """Each by its path."""
        if isinstance(self.speaker, dict):
            return {"losses.speaker": self.speaker}
        return {f"losses.speaker[{n}]": section for n, section in enumerate(self.speaker)}

    def with_any(self, attribute: str) -> list[str]:
        """The paths of those whose class has `attribute` set; wrong ones are left out."""
        found = []
        for where, section in self.sections.items():
            try:
                if getattr(SPEAKER_LOSSES.find(section, where), attribute):
                    found.append(where)
            except ConfigError:
                continue  # there is none; told elsewhere
        return found

    def problems(self) -> list[str]:
        """Everything wrong in it."""
        problems = Problems()
        for where, section in self.sections.items():
            with problems.collecting(), located(where):
                options, _ = read_weight(section)
                problems.lines.extend(SPEAKER_LOSSES.problems(options, where))
        return problems.lines


def build_speaker_losses(
    losses: SpeakerLossOptions, embed_dim: int, num_speakers: int, config_path: str
) -> list[WeightedSpeakerLoss]:
    """The losses of embeddings.

    Args:
        losses: The section.
        embed_dim: Width of an embedding.
        num_speakers: How many are told apart.
        config_path: Named in messages.

    Raises:
        ConfigError: If an option does not go with these sizes.
    """
    sections = losses.sections
    names = _different([str(section["name"]) for section in sections.values()])
    built = []
    for name, (where, section) in zip(names, sections.items(), strict=True):
        options, weight = read_weight(section)
        loss = SPEAKER_LOSSES.build(
            options, f"{config_path}: {where}", embed_dim=embed_dim, num_speakers=num_speakers
        )
        built.append(WeightedSpeakerLoss(name, loss, weight))
    return built


def _different(names: Sequence[str]) -> list[str]:
    """The names, numbered where one comes again."""
    seen: Counter[str] = Counter()
    told = []
    for name in names:
        seen[name] += 1
        told.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return told
