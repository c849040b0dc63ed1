"""What a plain speaker encoder is trained on: the section `data.train` of a verification config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wesep_like.config.sections import check_sizes
from wesep_like.data.simulation.augmentation.options import (
    EnrollmentAugmentationOptions,
    probability_of,
)
from wesep_like.data.simulation.sharded import ReadingOptions, named
from wesep_like.data.simulation.voice_options import VoiceOptions
from wesep_like.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class AugmentedOptions(VoiceOptions):
    """What may happen to a crop of an utterance.

    Args:
        augmentation: What is done to a crop, drawn by itself.
    """

    augmentation: EnrollmentAugmentationOptions = EnrollmentAugmentationOptions()

    def crop_problems(self) -> list[str]:
        """What is wrong with these, a line each."""
        room = probability_of(self.augmentation.room)
        return self.voice_problems(augmentation__room__probability=room)


@dataclass(frozen=True, kw_only=True)
class SpeechOptions(AugmentedOptions):
    """Crops of utterances, wherever these are from.

    Args:
        crop_seconds: Length of every crop, at a random place; a shorter utterance is repeated, as
            WeSpeaker does.
        utterances_per_speaker: So many different utterances of each speaker in a batch, whose
            speakers are drawn equally often; one with fewer utterances has some twice, cropped
            elsewhere. None: every utterance once an epoch, in an order drawn anew.
        speed_as_new_speaker: Whether a voice at another speed is another speaker: there are then
            as many times the speakers as there are speeds, with the unchanged one.
    """

    crop_seconds: float = 2.0
    utterances_per_speaker: int | None = None
    speed_as_new_speaker: bool = True

    def __post_init__(self) -> None:
        problems = []
        if self.crop_seconds <= 0:
            problems.append(f"crop_seconds: expected more than 0, got {self.crop_seconds!r}")
        problems += self.crop_problems()
        if problems:
            raise ConfigError(problems)
        check_sizes(utterances_per_speaker=self.utterances_per_speaker)

    @property
    def new_speeds(self) -> tuple[float, ...]:
        """The speeds at which a voice is another speaker."""
        is_any = self.speed_probability > 0 and self.speed_as_new_speaker
        return self.speeds if is_any else ()


@dataclass(frozen=True)
class FromFiles(VoiceOptions):
    """Utterances in a manifest.

    Args:
        utterances: The manifest.
        name: Replaces a section of another name in a config, instead of going into it.
    """

    utterances: str
    name: Literal["files"] = "files"

    @property
    def source(self) -> str:
        """The manifest."""
        return self.utterances


@dataclass(frozen=True)
class FromShards(ReadingOptions, VoiceOptions):
    """Utterances in shards.

    Args:
        shards: See `ShardedOptions`.
        noise_shards: See `ShardedOptions`.
        name: Replaces a section of another name in a config, instead of going into it.
    """

    shards: str | tuple[str, ...]
    noise_shards: str | tuple[str, ...] | None = None
    name: Literal["shards"] = "shards"

    def shard_problems(self) -> list[str]:
        """What is wrong with these, a line each."""
        if self.noise is not None and self.noise_shards is not None:
            return ["noise_shards: stands in place of noise. Give one of them"]
        return []

    @property
    def source(self) -> str:
        """The shards."""
        return named(self.shards)

    @property
    def noise_source(self) -> str | None:
        """The manifest of noises or their shards."""
        return self.noise if self.noise_shards is None else named(self.noise_shards)


@dataclass(frozen=True)
class SpeechFilesOptions(FromFiles, SpeechOptions):
    """Crops of the utterances in a manifest."""


@dataclass(frozen=True)
class SpeechShardsOptions(FromShards, SpeechOptions):
    """Crops of utterances in shards; `speakers` is needed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        problems = self.shard_problems()
        if self.speakers is None:
            problems.append(
                "speakers: missing. Give the speakers.txt that 'wesep-like shard' writes"
            )
        if problems:
            raise ConfigError(problems)
