"""What plain speaker encoders are trained and validated on: examples by number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from torch.utils.data import Dataset

from wesep_like.audio.io import info
from wesep_like.data.broken import BrokenCount
from wesep_like.data.crops import SpeechCrops
from wesep_like.data.dataset import Files, NumberedExamples, Source
from wesep_like.data.manifest import Utterance, read_manifest, read_speech
from wesep_like.data.reading import read_enrollment
from wesep_like.data.sharded import noises_in_shards, shard_blocks
from wesep_like.data.shards import contents
from wesep_like.data.shards.contents import Contents
from wesep_like.data.simulation.crop_options import CropsOfFilesOptions, CropsOfShardsOptions
from wesep_like.data.simulation.draw import CropsPlanner, SpeechPlanner
from wesep_like.data.simulation.plans import Clip, EnrollmentPlan
from wesep_like.data.simulation.speech_options import (
    FromFiles,
    FromShards,
    SpeechFilesOptions,
    SpeechShardsOptions,
)
from wesep_like.data.speech import Speech
from wesep_like.data.store import AudioStore

Planner: TypeAlias = SpeechPlanner | CropsPlanner
TrainingSpeechOptions = SpeechFilesOptions | SpeechShardsOptions
TrainingCropsOptions = CropsOfFilesOptions | CropsOfShardsOptions


class NumberedSpeech(NumberedExamples[Speech]):
    """Endless crops of speech, each with the class that it belongs to; see the base.

    Classes are the speakers, and after them, for each of `new_speeds`, the speakers once more.

    Args:
        source: What the crops are made of; its planners are `SpeechPlanner`.
        seed: Another seed, other crops.
        max_broken_share: Of the examples; if more cannot be read, that is an error.
        new_speeds: At which a voice is another speaker.
    """

    def __init__(
        self,
        source: Source,
        seed: int,
        max_broken_share: float,
        new_speeds: tuple[float, ...] = (),
    ) -> None:
        super().__init__(source, seed, max_broken_share)
        self._new_speeds = new_speeds

    @property
    def classes(self) -> list[str]:
        """The name of each class: the speaker, and the speed where it makes another of him."""
        changed = [
            f"{speaker} x{speed:g}" for speed in self._new_speeds for speaker in self.speakers
        ]
        return [*self.speakers, *changed]

    def _example(
        self,
        planner: SpeechPlanner,
        store: AudioStore,
        rng: np.random.Generator,
        number: int,
        attempt: int,
    ) -> Speech:
        plan = planner.draw(rng, number, attempt)
        place = self.place_of(plan.speaker)
        if plan.heard.speed in self._new_speeds:
            place += len(self.speakers) * (1 + self._new_speeds.index(plan.heard.speed))
        return Speech(plan.id, read_enrollment(plan.heard, store), store.sample_rate, place)


class NumberedCrops(NumberedExamples[SpeechCrops]):
    """Endless examples of several crops of one utterance each; see the base.

    The planners of their source are `CropsPlanner`.
    """

    def _example(
        self,
        planner: CropsPlanner,
        store: AudioStore,
        rng: np.random.Generator,
        number: int,
        attempt: int,
    ) -> SpeechCrops:
        plan = planner.draw(rng, number, attempt)
        heard = tuple(
            tuple(read_enrollment(crop, store) for crop in of_length) for of_length in plan.heard
        )
        return SpeechCrops(plan.id, heard, store.sample_rate)


class FixedSpeech(Dataset[Speech]):
    """Utterances that are the same every time, for validation; a broken file is an error.

    Args:
        audio: The file of each, by its name.
        store: Reads them.
        max_seconds: So much of each is heard, from its start; None for all of it.

    Attributes:
        names: Of all, in the order of their numbers.

    Raises:
        AudioError: If a file is missing or broken; names it.
    """

    def __init__(
        self, audio: Mapping[str, Path], store: AudioStore, max_seconds: float | None = None
    ) -> None:
        self.names = list(audio)
        self._clips = [_beginning(path, max_seconds) for path in audio.values()]
        self._store = store

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, number: int) -> Speech:
        heard = read_enrollment(EnrollmentPlan(self._clips[number]), self._store)
        return Speech(self.names[number], heard, self._store.sample_rate)


def _beginning(path: Path, max_seconds: float | None) -> Clip:
    header = info(path)
    length = header.num_samples
    if max_seconds is not None:
        length = min(length, max(1, round(max_seconds * header.sample_rate)))
    return Clip(str(path), 0, length, header.sample_rate)


def training_speech(
    options: TrainingSpeechOptions,
    store: AudioStore,
    *,
    seed: int,
    batch_size: int,
    max_broken_share: float,
) -> NumberedSpeech:
    """The crops that a section `data.train` of a plain encoder describes.

    Args:
        options: The section.
        store: Reads them; its sample rate is theirs.
        seed: Another seed, other crops.
        batch_size: Of each process.
        max_broken_share: See `NumberedExamples`.

    Raises:
        WesepLikeError: If a manifest or a shard is wrong, or has too little in it.
    """
    rate = store.sample_rate
    source = _source(
        options,
        store,
        partial(SpeechPlanner.maker, options, rate, seed=seed, batch_size=batch_size),
        partial(read_manifest, cls=Utterance),
        contents.read_utterances,
        seed=seed,
        batch_size=batch_size,
        max_broken_share=max_broken_share,
    )
    return NumberedSpeech(source, seed, max_broken_share, options.new_speeds)


def training_crops(
    options: TrainingCropsOptions,
    store: AudioStore,
    *,
    seed: int,
    batch_size: int,
    max_broken_share: float,
) -> NumberedCrops:
    """The crops that a section `data.train` of a self-supervised config describes.

    Args:
        options: The section.
        store: Reads them; its sample rate is theirs.
        seed: Another seed, other crops.
        batch_size: Of each process.
        max_broken_share: See `NumberedExamples`.

    Raises:
        WesepLikeError: If a manifest or a shard is wrong, or has too little in it.
    """
    source = _source(
        options,
        store,
        partial(CropsPlanner.maker, options, store.sample_rate, seed=seed),
        read_speech,
        contents.read_speech,
        seed=seed,
        batch_size=batch_size,
        max_broken_share=max_broken_share,
    )
    return NumberedCrops(source, seed, max_broken_share)


def _source(
    options: FromFiles | FromShards,
    store: AudioStore,
    maker: Callable[..., Callable[[Sequence[Utterance]], Planner]],
    read_file: Callable[[str], list[Utterance]],
    read_shards: Callable[[Sequence[str], BrokenCount], Contents[Utterance]],
    *,
    seed: int,
    batch_size: int,
    max_broken_share: float,
) -> Source:
    """The utterances that a section names, in files or in shards, and what decides of them.

    Args:
        maker: Of planners; see `SpeechPlanner.maker`.
        read_file: Reads a manifest.
        read_shards: Reads some shards.
    """
    if isinstance(options, FromFiles):
        return Files(maker()(read_file(options.utterances)), store)
    noises, store = noises_in_shards(options, store, max_broken_share)
    return shard_blocks(
        options,
        options.shards,
        read_shards,
        maker(noises=noises),
        store,
        seed=seed,
        batch_size=batch_size,
        max_broken_share=max_broken_share,
    )
