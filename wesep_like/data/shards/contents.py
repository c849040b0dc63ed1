"""What shards hold, as records like those of a manifest, and the files themselves in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from wesep_like.audio.io import AudioInfo, info
from wesep_like.data.broken import BrokenCount
from wesep_like.data.manifest import Noise, Utterance
from wesep_like.data.premixed import PremixedMixture, PremixedSource, utterance_in
from wesep_like.data.shards.tar import read_tar
from wesep_like.errors import AudioError

SOUND_SUFFIXES = ("wav", "flac", "ogg", "opus", "mp3")
SPEAKER_SUFFIX = "spk"

R = TypeVar("R", Utterance, Noise, PremixedMixture)


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
    return _utterances(urls, broken, are_labelled=True)


def read_speech(urls: Sequence[str], broken: BrokenCount) -> Contents[Utterance]:
    """All sound files, for those who need no speakers: an unknown one is empty.

    Raises:
        AudioError: If a shard cannot be fetched, or too much is broken.
    """
    return _utterances(urls, broken, are_labelled=False)


def _utterances(
    urls: Sequence[str], broken: BrokenCount, *, are_labelled: bool
) -> Contents[Utterance]:
    records, files = [], {}
    for sound in _sounds(urls, broken):
        speaker = _text(sound, SPEAKER_SUFFIX)
        if are_labelled and not speaker:
            broken.skip(f"{sound.path}: no speaker's name in a {SPEAKER_SUFFIX} of the same name")
            continue
        header = sound.header
        records.append(
            Utterance(sound.key, speaker, sound.path, header.num_samples, header.sample_rate)
        )
        files[sound.path] = sound.content
    return Contents(records, files)


def read_mixtures(urls: Sequence[str], broken: BrokenCount) -> Contents[PremixedMixture]:
    """All `KEY.wav` with speakers' names in `KEY.spk1` and so on, and `KEY_spk1.wav` and so on.

    Raises:
        AudioError: If a shard cannot be fetched, or too much is broken.
    """
    records: list[PremixedMixture] = []
    files: dict[str, bytes] = {}
    for url in urls:
        sounds = {sound.key: sound for sound in _sounds([url], broken)}
        sources_of = {sound.key: _sources(sound, sounds) for sound in sounds.values()}
        are_sources = {
            source.key for sources in sources_of.values() for source in sources if source
        }
        for key, sources in sources_of.items():
            if key in are_sources:
                continue
            mixture, header = sounds[key], sounds[key].header
            if not sources:
                broken.skip(f"{mixture.path}: no speaker's name in a spk1 of the same name")
                continue
            if any(source is None or source.header != header for source in sources):
                broken.skip(
                    f"{mixture.path}: expected {len(sources)} sounds beside it as long as it is, "
                    f"called {key}_spk1 and so on"
                )
                continue
            try:
                records.append(_mixture(mixture, [source for source in sources if source]))
            except ValueError as error:  # one speaker twice
                broken.skip(f"{mixture.path}: {error}")
                continue
            files |= {sound.path: sound.content for sound in (mixture, *sources) if sound}
    return Contents(records, files)


def _sources(mixture: _Sound, sounds: Mapping[str, _Sound]) -> list[_Sound | None]:
    """One for each speaker whose name is there; None if the sound is not."""
    named = itertools.takewhile(
        lambda n: _text(mixture, f"{SPEAKER_SUFFIX}{n}"), itertools.count(1)
    )
    return [sounds.get(f"{mixture.key}_{SPEAKER_SUFFIX}{n}") for n in named]


def _mixture(mixture: _Sound, sources: Sequence[_Sound]) -> PremixedMixture:
    speakers = [_text(mixture, f"{SPEAKER_SUFFIX}{n}") for n in range(1, len(sources) + 1)]
    return PremixedMixture(
        mixture.key,
        mixture.path,
        mixture.header.num_samples,
        mixture.header.sample_rate,
        tuple(
            PremixedSource(speaker, utterance_in(mixture.key, speakers, n), source.path)
            for n, (speaker, source) in enumerate(zip(speakers, sources, strict=True))
        ),
    )


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


def _text(sound: _Sound, suffix: str) -> str:
    """What the file of the same name and this suffix says; nothing if there is none."""
    return sound.beside.get(suffix, b"").decode("utf-8", "replace").strip()


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
