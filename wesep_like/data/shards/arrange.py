"""Which sound goes into which shard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from wesep_like.data.manifest import Noise, Utterance
from wesep_like.data.shards.contents import SOUND_SUFFIXES
from wesep_like.errors import ManifestError

# Of one speaker side by side: few shards are in memory at a time, and an utterance wants another
# one of its speaker, to enroll with.
_GROUP = 8


@dataclass(frozen=True)
class Entry:
    """A sound to be packed.

    Args:
        key: Its name in the shard, without a suffix.
        speaker: None where nobody speaks.
        num_samples: At the file's own sample rate.
        sample_rate: The file's, in Hz.
    """

    key: str
    path: str
    speaker: str | None
    num_samples: int
    sample_rate: int


def arrange_utterances(
    utterances: Sequence[Utterance], per_shard: int, seed: int
) -> list[list[Entry]]:
    """The contents of each shard: speakers mixed up, but a few utterances of each together.

    Raises:
        ManifestError: If two utterances would have the same name.
    """
    entries = _entries((u, u.speaker) for u in utterances)
    by_speaker: dict[str | None, list[Entry]] = {}
    for entry in entries:
        by_speaker.setdefault(entry.speaker, []).append(entry)
    rng = np.random.default_rng(seed)
    groups: list[list[Entry]] = []
    for _, own in sorted(by_speaker.items(), key=lambda item: str(item[0])):
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


def arrange_noises(noises: Sequence[Noise], per_shard: int, seed: int) -> list[list[Entry]]:
    """The contents of each shard, mixed up.

    Raises:
        ManifestError: If two noises would have the same name.
    """
    entries = _entries((noise, None) for noise in noises)
    order = np.random.default_rng(seed).permutation(len(entries))
    return [
        [entries[i] for i in order[first : first + per_shard]]
        for first in range(0, len(order), per_shard)
    ]


def _entries(records: Iterable[tuple[Utterance | Noise, str | None]]) -> list[Entry]:
    """In order of their keys."""
    entries = {}
    id_of_key: dict[str, str] = {}
    for record, speaker in records:
        key = _key(record.id)
        if key in entries:
            raise ManifestError(
                f"{record.id}: would have the same name in a shard as {id_of_key[key]}, {key!r}. "
                "Give one of them another id"
            )
        id_of_key[key] = record.id
        entries[key] = Entry(key, record.path, speaker, record.num_samples, record.sample_rate)
    return [entries[key] for key in sorted(entries)]


def _key(record_id: str) -> str:
    """The id without dots: some readers split names at the first dot, some at the last."""
    path = PurePosixPath(record_id)
    name = path.stem if path.suffix[1:].lower() in SOUND_SUFFIXES else path.name
    return path.with_name(name.replace(".", "_")).as_posix()
