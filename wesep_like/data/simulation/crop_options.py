"""What is learnt from without labels: the section `data.train` of a self-supervised config."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from wesep_like.config.sections import check_sizes
from wesep_like.data.simulation.speech_options import AugmentedOptions, FromFiles, FromShards
from wesep_like.errors import ConfigError


@dataclass(frozen=True)
class CropOptions:
    """Some crops of each utterance, all of one length.

    Args:
        seconds: Their length; a shorter utterance is repeated.
        count: How many.
    """

    seconds: float
    count: int = 1

    def __post_init__(self) -> None:
        if self.seconds <= 0:
            raise ConfigError(f"seconds: expected more than 0, got {self.seconds!r}")
        check_sizes(count=self.count)


@dataclass(frozen=True, kw_only=True)
class SeveralCropsOptions(AugmentedOptions):
    """Several crops of each utterance, each at a random place and with what happens to it alone.

    They are played at one speed, for at another a voice is another.

    Args:
        crops: Of each utterance; two or more in all.
    """

    crops: tuple[CropOptions, ...]

    def __post_init__(self) -> None:
        problems = self.crop_problems()
        num_crops = sum(section.count for section in self.crops)
        if num_crops < 2:
            problems.append(f"crops: expected two or more of each utterance, got {num_crops}")
        if problems:
            raise ConfigError(problems)

    @property
    def counts(self) -> dict[float, int]:
        """How many crops there are of each length in seconds, the longest first."""
        counts: Counter[float] = Counter()
        for section in self.crops:
            counts[section.seconds] += section.count
        return dict(sorted(counts.items(), reverse=True))


@dataclass(frozen=True)
class CropsOfFilesOptions(FromFiles, SeveralCropsOptions):
    """Crops of the utterances in a manifest."""


@dataclass(frozen=True)
class CropsOfShardsOptions(FromShards, SeveralCropsOptions):
    """Crops of the utterances in shards."""

    def __post_init__(self) -> None:
        super().__post_init__()
        problems = self.shard_problems()
        if self.speakers is not None:
            problems.append("speakers: are not looked at here. Remove it")
        if problems:
            raise ConfigError(problems)
