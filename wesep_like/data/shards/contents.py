"""What shards hold, as records like those of a manifest, and the files themselves in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from wesep_like.audio.io import AudioInfo, info
from wesep_like.data.broken import BrokenCount
from wesep_like.data.manifest import Noise, Utterance
from wesep_like.data.shards.tar import read_tar
from wesep_like.errors import AudioError

SOUND_SUFFIXES = ("wav", "flac", "ogg", "opus", "mp3")
SPEAKER_SUFFIX = "spk"

R = TypeVar("R", Utterance, Noise)


@dataclass(frozen=True)
class Contents(Generic[R]):
    """Some shards in memory, as they are on the disk: nothing is decoded.

    Args:
        records: Of each sound; its path is SHARD:NAME.
        files: The sound files by path.
    """

    records: Sequence[R]
    files: dict[str, bytes]


@dataclass(frozen=True)
class _Sound:
    """A sound file in a shard.

    Args:
        key: Its name without the suffix.
        path: SHARD:NAME.
        beside: The other files under the same key, by suffix.
    """

    key: str
    path: str
    content: bytes
    header: AudioInfo
    beside: Mapping[str, bytes]


def read_utterances(urls: Sequence[str], broken: BrokenCount) -> Contents[Utterance]:
    """All `KEY.wav` (or flac, ogg, opus, mp3) with the speaker's name in `KEY.spk`.

    Raises:
        AudioError: If a shard cannot be fetched, or too much is broken.
    """
    records, files = [], {}
    for sound in _sounds(urls, broken):
        speaker = sound.beside.get(SPEAKER_SUFFIX, b"").decode("utf-8", "replace").strip()
        if not speaker:
            broken.skip(f"{sound.path}: no speaker's name in a {SPEAKER_SUFFIX} of the same name")
            continue
        header = sound.header
        records.append(
            Utterance(sound.key, speaker, sound.path, header.num_samples, header.sample_rate)
        )
        files[sound.path] = sound.content
    return Contents(records, files)


def read_noises(urls: Sequence[str], broken: BrokenCount) -> Contents[Noise]:
    """All sound files.

    Raises:
        AudioError: If a shard cannot be fetched, or too much is broken.
    """
    records, files = [], {}
    for sound in _sounds(urls, broken):
        header = sound.header
        records.append(Noise(sound.key, sound.path, header.num_samples, header.sample_rate))
        files[sound.path] = sound.content
    return Contents(records, files)


def _sounds(urls: Sequence[str], broken: BrokenCount) -> Iterator[_Sound]:
    for url in urls:
        contents, problems = read_tar(url)
        # By the whole key: u1 and u10 are two, wherever in the shard their files are.
        by_key: dict[str, dict[str, bytes]] = {}
        for name, content in contents.items():
            key, _, suffix = name.rpartition(".")
            by_key.setdefault(key, {})[suffix] = content
        broken.num_reads += len(by_key) + len(problems)
        for problem in problems:
            broken.skip(problem)
        for key, beside in by_key.items():
            suffixes = [suffix for suffix in beside if suffix.lower() in SOUND_SUFFIXES]
            if not suffixes and SPEAKER_SUFFIX in beside:
                broken.skip(f"{url}:{key}.{SPEAKER_SUFFIX}: no sound file of the same name")
            for suffix in suffixes:
                path, content = f"{url}:{key}.{suffix}", beside[suffix]
                try:
                    header = info(path, content=content)
                except AudioError as error:
                    broken.skip(error)
                    continue
                yield _Sound(key, path, content, header, beside)
