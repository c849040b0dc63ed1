"""A data folder becomes tar shards."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

from wesep_like.audio.io import file_content, info, read
from wesep_like.config.atomic import atomic_path, make_folder
from wesep_like.data.json_lines import write_text
from wesep_like.data.manifest import Noise, read_manifest, read_speech
from wesep_like.data.premixed import read_premixed
from wesep_like.data.processes import in_processes
from wesep_like.data.shards.arrange import Entry, arrange_others, arrange_utterances
from wesep_like.data.shards.contents import SOUND_SUFFIXES
from wesep_like.errors import AudioError, ManifestError, OutputError

UTTERANCES, NOISE, PREMIXED = "utterances.jsonl", "noise.jsonl", "premixed.jsonl"
SPEAKERS = "speakers.txt"
_RECORD = "packing.json"
_MAGIC = {b"RIFF": "wav", b"fLaC": "flac", b"OggS": "ogg"}
_MAX_NAMED = 10


@dataclass(frozen=True)
class Packed:
    """What `pack` did.

    Args:
        folder: Where the shards are.
        num_shards: By the list that they are in.
        num_packed: Utterances, noises and mixtures, likewise.
        num_skipped: Those that could not be read.
    """

    folder: Path
    num_shards: Mapping[str, int]
    num_packed: Mapping[str, int]
    num_skipped: int


@dataclass(frozen=True)
class _Shard:
    """A shard to be written: its path and what goes into it."""

    path: Path
    entries: Sequence[Entry]


def pack(
    data: str | Path,
    output: str | Path,
    *,
    per_shard: int = 1000,
    seed: int = 1,
    num_workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Packed:
    """The folder `output` has what is in a data folder as tar shards.

    An utterance is `KEY.wav` (or flac, ogg, opus, mp3), byte for byte as it was, and its speaker's
    name, if it is known, `KEY.spk`; a mixture that exists is `KEY.wav`, `KEY_spk1.wav` and so on,
    with `KEY.spk1` and so on. `shards.list` names the shards of utterances, `noise.list` those of
    noises, `mixtures.list` those of mixtures, and `speakers.txt` all speakers. Each shard appears
    whole or not at all, and is the same for the same data and options; what an earlier, interrupted
    call has written is kept. Sounds that cannot be read are left out, with a warning that names
    them.

    Args:
        data: A folder with `utterances.jsonl`, `noise.jsonl` or `premixed.jsonl`, or one of these.
        output: Made if need be.
        per_shard: Utterances, noises or mixtures in a shard, at most.
        seed: Another seed, another order.
        num_workers: Processes that read and write. They are spawned, so a script that asks for them
            needs `if __name__ == "__main__":`.
        progress: Called with the number of shards done and of all.

    Raises:
        ManifestError: If there is no manifest, or it is wrong, or nothing in it can be read.
        OutputError: If the folder has other shards in it, or cannot be written.
    """
    arranged: dict[str, list[list[Entry]]] = {}
    for path in _manifests(Path(data)):
        if path.name == PREMIXED:
            arranged["mixtures"] = arrange_others(read_premixed(path), per_shard, seed)
        elif path.name == NOISE:
            arranged["noise"] = arrange_others(read_manifest(path, Noise), per_shard, seed)
        else:
            arranged["shards"] = arrange_utterances(read_speech(path), per_shard, seed)
    folder = make_folder(output)
    shards = {
        name: [
            _Shard(folder / f"{name}_{number:06d}.tar", entries)
            for number, entries in enumerate(parts)
        ]
        for name, parts in arranged.items()
    }
    every = [shard for parts in shards.values() for shard in parts]
    _keep_record(folder, every)
    num_packed = dict.fromkeys(shards, 0)
    problems: list[str] = []
    done = in_processes(_write_once, every, num_workers)
    names = (name for name, parts in shards.items() for _ in parts)
    for number, (name, (num, more)) in enumerate(zip(names, done, strict=True), start=1):
        num_packed[name] += num
        problems += more
        if progress is not None:
            progress(number, len(every))
    _warn(problems)
    if not any(num_packed.values()):
        raise ManifestError(f"{data}: none of its sounds can be read")
    for name, parts in shards.items():
        write_text(folder / f"{name}.list", "".join(f"{shard.path.name}\n" for shard in parts))
    speakers = sorted({name for s in every for e in s.entries for name in e.speakers.values()})
    write_text(folder / SPEAKERS, "".join(f"{speaker}\n" for speaker in speakers))
    return Packed(
        folder,
        {f"{name}.list": len(parts) for name, parts in shards.items()},
        {f"{name}.list": num for name, num in num_packed.items()},
        sum(len(shard.entries) for shard in every) - sum(num_packed.values()),
    )


def _manifests(data: Path) -> list[Path]:
    if data.is_file():
        return [data]
    names = (UTTERANCES, NOISE, PREMIXED)
    found = [data / name for name in names if (data / name).is_file()]
    if not found:
        what = f"no {UTTERANCES} in it" if data.is_dir() else "no such file or folder"
        raise ManifestError(
            f"{data}: {what}. Name a data folder with {', '.join(names[:-1])} or {names[-1]}, or "
            "such a file. Write it with 'wesep-like prepare'"
        )
    return found


def _keep_record(folder: Path, shards: Sequence[_Shard]) -> None:
    """Goes on only if what is in the folder are the same shards, or none."""
    digest = hashlib.sha256()
    for shard in shards:
        for entry in shard.entries:
            # Not where the file lies: that may change.
            what = (entry.key, *entry.speakers.values(), entry.num_samples, entry.sample_rate)
            digest.update(repr((shard.path.name, *what)).encode())
    record = json.dumps({"digest": digest.hexdigest(), "num_shards": len(shards)}) + "\n"
    path = folder / _RECORD
    if path.is_file():
        is_same = path.read_text(encoding="utf-8") == record
    else:
        is_same = not any(folder.glob("*.tar"))
    if not is_same:
        raise OutputError(
            f"{folder}: has shards of other data or of other options in it. Name another folder"
        )
    write_text(path, record)


def _write_once(shard: _Shard) -> tuple[int, list[str]]:
    """How many sounds are in the shard once it is written, and what is wrong with the others."""
    if shard.path.is_file():
        with tarfile.open(shard.path) as tar:
            there = {name.rpartition(".")[0] for name in tar.getnames()}
        return sum(entry.key in there for entry in shard.entries), []
    problems = []
    with atomic_path(shard.path) as draft, tarfile.open(draft, "w") as tar:
        for entry in shard.entries:
            try:
                sounds = {part: _content(path, entry) for part, path in entry.sounds.items()}
            except AudioError as error:
                problems.append(f"skipped: {error}")
                continue
            for part, (suffix, content) in sounds.items():
                _add(tar, f"{entry.key}{part}.{suffix}", content)
            for suffix, speaker in entry.speakers.items():
                _add(tar, f"{entry.key}.{suffix}", speaker.encode())
    return len(shard.entries) - len(problems), problems


def _content(path: str, entry: Entry) -> tuple[str, bytes]:
    """The sound file as it is and its suffix; if that is an unusual one, the sound as FLAC.

    Raises:
        AudioError: If it cannot be read, or is another than the manifest says.
    """
    content = file_content(path)
    header = info(path, content=content)
    if (header.num_samples, header.sample_rate) != (entry.num_samples, entry.sample_rate):
        raise AudioError(
            f"{path}: has {header.num_samples} samples at {header.sample_rate} Hz, but its "
            f"manifest says {entry.num_samples} at {entry.sample_rate} Hz. Prepare the corpus again"
        )
    suffix = Path(path).suffix[1:].lower()
    if suffix not in SOUND_SUFFIXES:
        suffix = _MAGIC.get(content[:4], "")
    if suffix:
        return suffix, content
    waveform = read(path, content=content)
    converted = io.BytesIO()
    soundfile.write(
        converted, waveform.samples, waveform.sample_rate, format="FLAC", subtype="PCM_16"
    )
    return "flac", converted.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    # Owner and time are left at zero: the same sounds give the same bytes.
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _warn(problems: Sequence[str]) -> None:
    for problem in problems[:_MAX_NAMED]:
        warnings.warn(problem, stacklevel=3)
    if len(problems) > _MAX_NAMED:
        warnings.warn(f"skipped: {len(problems) - _MAX_NAMED} more files", stacklevel=3)
