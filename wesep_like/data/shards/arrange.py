"""Which sound goes into which shard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from wesep_like.data.manifest import Noise, Utterance
from wesep_like.data.premixed import PremixedMixture
from wesep_like.data.shards.contents import SOUND_SUFFIXES, SPEAKER_SUFFIX
from wesep_like.errors import ManifestError

# Of one speaker side by side: few shards are in memory at a time, and an utterance wants another
# one of its speaker, to enroll with.
_GROUP = 8


@dataclass(frozen=True)
class Entry:
    """What is packed under one key.

    Args:
        key: The first part of all names.
        sounds: Their paths, by what follows the key: nothing, or `_spk1` and so on.
        speakers: Their names, if they are known, by suffix: `spk`, or `spk1` and so on.
        num_samples: Of each sound, at its own sample rate.
        sample_rate: The sounds', in Hz.
    """

    key: str
    sounds: Mapping[str, str]
    speakers: Mapping[str, str]
    num_samples: int
    sample_rate: int


def arrange_utterances(
    utterances: Sequence[Utterance], per_shard: int, seed: int
) -> list[list[Entry]]:
    """The contents of each shard: speakers mixed up, but a few utterances of each together.

    Raises:
        ManifestError: If two utterances would have the same name.
    """
    by_speaker: dict[str, list[Entry]] = {}
    for entry in _entries(utterances):
        # One whose speaker is not known is a group by itself.
        by_speaker.setdefault(entry.speakers.get(SPEAKER_SUFFIX, entry.key), []).append(entry)
    rng = np.random.default_rng(seed)
    groups: list[list[Entry]] = []
    for _, own in sorted(by_speaker.items()):
        mixed = [own[i] for i in rng.permutation(len(own))]
        # Groups of about one size, so that none is of one utterance if that can be.
        num_groups = -(-len(own) // min(_GROUP, per_shard))
        groups += [mixed[n::num_groups] for n in range(num_groups)]
    shards: list[list[Entry]] = [[]]
    for place in rng.permutation(len(groups)):
        if shards[-1] and len(shards[-1]) + len(groups[place]) > per_shard:
            shards.append([])
        shards[-1] += groups[place]
    return shards


def arrange_others(
    records: Sequence[Noise] | Sequence[PremixedMixture], per_shard: int, seed: int
) -> list[list[Entry]]:
    """The contents of each shard of noises, or of mixtures, mixed up.

    Raises:
        ManifestError: If two of them would have the same name.
    """
    entries = _entries(records)
    order = np.random.default_rng(seed).permutation(len(entries))
    return [
        [entries[i] for i in order[first : first + per_shard]]
        for first in range(0, len(order), per_shard)
    ]


def _entries(records: Sequence[Utterance | Noise | PremixedMixture]) -> list[Entry]:
    """In order of their keys."""
    entries = {}
    id_of_key: dict[str, str] = {}
    for record in records:
        key = _key(record.id)
        if key in entries:
            raise ManifestError(
                f"{record.id}: would have the same name in a shard as {id_of_key[key]}, {key!r}. "
                "Give one of them another id"
            )
        id_of_key[key] = record.id
        sounds, speakers = {"": record.path}, {}
        if isinstance(record, Utterance) and record.speaker:
            speakers = {SPEAKER_SUFFIX: record.speaker}
        elif isinstance(record, PremixedMixture):
            for number, source in enumerate(record.sources, start=1):
                speakers[f"{SPEAKER_SUFFIX}{number}"] = source.speaker
                sounds[f"_{SPEAKER_SUFFIX}{number}"] = source.path
        entries[key] = Entry(key, sounds, speakers, record.num_samples, record.sample_rate)
    return [entries[key] for key in sorted(entries)]


def _key(record_id: str) -> str:
    """The id without dots: some readers split names at the first dot, some at the last."""
    path = PurePosixPath(record_id)
    name = path.stem if path.suffix[1:].lower() in SOUND_SUFFIXES else path.name
    return path.with_name(name.replace(".", "_")).as_posix()
