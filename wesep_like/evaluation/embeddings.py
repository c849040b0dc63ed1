"""Recordings -> embeddings -> an archive, in several processes, going on where a run was broken."""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wesep_like.audio import io
from wesep_like.config.atomic import check_writable
from wesep_like.data.embedding_archive import Embeddings, read_embeddings, write_embeddings
from wesep_like.data.manifest import read_speech
from wesep_like.data.processes import in_processes
from wesep_like.errors import AudioError, ManifestError
from wesep_like.inference.embedder import Embedder

Progress = Callable[[int, int], None]
Known = dict[str, tuple[np.ndarray, float]]

# What a run that is killed may lose.
_SAVE_SECONDS = 60.0


@dataclass(frozen=True)
class Encoder:
    """What hears the recordings, in whichever process; see `Embedder.load`."""

    model: str | Path | None = None
    device: str = "auto"
    trust_code: bool = False
    vad: str = "none"
    max_seconds: float | None = None

    @cached_property
    def embedder(self) -> Embedder:
        """The encoder, loaded when it is first needed."""
        return Embedder.load(
            self.model,
            self.device,
            trust_code=self.trust_code,
            vad=self.vad,
            max_seconds=self.max_seconds,
        )


class Recording(NamedTuple):
    """One voice; its id and speaker are empty if not known."""

    path: str
    id: str = ""
    speaker: str = ""


def recordings_of(manifest: str | Path) -> list[Recording]:
    """The utterances of a manifest.

    Raises:
        ManifestError: If it is wrong.
    """
    return [Recording(u.path, u.id, u.speaker) for u in read_speech(manifest)]


def embed_to_file(
    path: str | Path,
    encoder: Encoder,
    recordings: Sequence[Recording],
    *,
    num_workers: int = 0,
    progress: Progress | None = None,
) -> tuple[Embeddings, list[str], int]:
    """Writes an archive of the recordings' embeddings; what is in it already is not made again.

    What has been done is kept in a file beside it each minute, and when the run is broken off, and
    taken from there the next time. A recording that is newer than the archive is heard again.

    Args:
        path: The archive. One that is there must be of this encoder.
        encoder: What hears.
        recordings: What the archive will have, in this order.
        num_workers: See `embed_recordings`.
        progress: Told (recordings done, all recordings).

    Returns:
        What was written; a line for each recording that cannot be used, which is left out; and how
        many were there already.

    Raises:
        OutputError: If the archive cannot be written there.
        ManifestError: If what is there is no archive, or of another encoder.
        AudioError: If no recording can be used.
        ModelFileError: If the encoder cannot be loaded.
    """
    path = Path(path)
    check_writable(path)
    partial_path = path.with_name(f"{path.stem}.partial{path.suffix}")
    identity = encoder.embedder.identity
    known: Known = {}
    for place in (path, partial_path):
        if place.exists():
            known.update(_known(place, identity))
    wanted = {recording.path for recording in recordings}
    num_reused = sum(name in known for name in wanted)

    def save(done: Embeddings) -> None:
        write_embeddings(partial_path, done)

    made, problems = embed_recordings(
        encoder, recordings, known=known, num_workers=num_workers, progress=progress, save=save
    )
    write_embeddings(path, made)
    partial_path.unlink(missing_ok=True)
    return made, problems, num_reused


def embed_recordings(
    encoder: Encoder,
    recordings: Sequence[Recording],
    *,
    known: Known | None = None,
    num_workers: int = 0,
    progress: Progress | None = None,
    save: Callable[[Embeddings], None] | None = None,
) -> tuple[Embeddings, list[str]]:
    """The recordings' embeddings, in order, and a line for each recording that cannot be used.

    Args:
        encoder: What hears.
        recordings: Each file is heard once, however often it is named.
        known: Embeddings and seconds by path, which are taken as they are.
        num_workers: Processes, each with one thread and the encoder; where it works on a GPU they
            only read, ahead of it. 0: this process does all. They are spawned, so a script that
            asks for them needs `if __name__ == "__main__":`.
        progress: Told (recordings done, all recordings).
        save: Called now and then with what has been done so far, and if the work is broken off.

    Raises:
        AudioError: If no recording can be used.
        ModelFileError: If the encoder cannot be loaded.

    Warns:
        ShortEnrollmentWarning: Of a recording that is shorter than a second.
    """
    done: Known = dict(known or {})
    paths = list(dict.fromkeys(recording.path for recording in recordings))
    missing = [path for path in paths if path not in done]
    identity = encoder.embedder.identity
    problems = []
    num_new, saved = 0, time.monotonic()
    is_whole = False
    try:
        for number, heard in enumerate(_hear_all(encoder, missing, num_workers), start=1):
            for warning in heard.warnings:
                warnings.warn(warning, stacklevel=2)
            if heard.vector is None:
                problems.append(heard.problem)
            else:
                done[heard.path] = heard.vector, heard.seconds
                num_new += 1
            if progress:
                progress(len(paths) - len(missing) + number, len(paths))
            if save and num_new and time.monotonic() - saved > _SAVE_SECONDS:
                save(_table(recordings, done, identity))
                saved = time.monotonic()
        is_whole = True
    finally:
        if save and num_new and not is_whole:
            save(_table(recordings, done, identity))
    if all(path not in done for path in paths):
        raise AudioError("\n".join(problems))
    return _table(recordings, done, identity), problems


class _Heard(NamedTuple):
    """What came of one recording: an embedding, or a line that says why there is none."""

    path: str
    vector: np.ndarray | None = None
    seconds: float = math.nan
    problem: str = ""
    warnings: tuple[Warning, ...] = ()


def _hear_all(encoder: Encoder, paths: Sequence[str], num_workers: int) -> Iterator[_Heard]:
    embedder = encoder.embedder
    if num_workers and embedder.device.type == "cpu":
        # A copy, in which no encoder is loaded yet: that is not to be sent.
        yield from in_processes(partial(_read_and_hear, replace(encoder)), paths, num_workers)
    else:
        for path, read in zip(paths, in_processes(_read, paths, num_workers), strict=True):
            yield _hear(embedder, path, read)


def _read_and_hear(encoder: Encoder, path: str) -> _Heard:
    return _hear(_in_this_worker(encoder), path, _read(path))


@lru_cache(maxsize=1)
def _in_this_worker(encoder: Encoder) -> Embedder:
    return encoder.embedder


def _read(path: str) -> io.Waveform | AudioError:
    try:
        return io.read(path)
    except AudioError as error:
        return error


def _hear(embedder: Embedder, path: str, read: io.Waveform | AudioError) -> _Heard:
    if isinstance(read, AudioError):
        return _Heard(path, problem=str(read))
    # Warnings of another process would be lost, or said in other words.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            vector = embedder.embed(read.samples, read.sample_rate, where=path)
        except AudioError as error:
            return _Heard(path, problem=str(error))
    if not np.isfinite(vector).all() or not vector.any():
        kind = "zero" if np.isfinite(vector).all() else "not finite"
        return _Heard(path, problem=f"{path}: its embedding is {kind}, which says nothing of it")
    said = tuple(one.message for one in caught if isinstance(one.message, Warning))
    return _Heard(path, vector, len(read.samples) / read.sample_rate, warnings=said)


def _known(path: Path, identity: str) -> Known:
    """What an archive has that still holds."""
    found = read_embeddings(path)
    if found.model != identity:
        raise ManifestError(
            f"{path}: made by another model or otherwise ({found.model or 'not said by what'}; "
            f"now {identity}). Give the output another name, or delete that file"
        )
    written = path.stat().st_mtime
    return {
        name: (vector, seconds)
        for name, vector, seconds in zip(
            found.paths.tolist(), found.vectors, found.seconds.tolist(), strict=True
        )
        if not _is_newer(name, written)
    }


def _is_newer(name: str, written: float) -> bool:
    try:
        return os.stat(name).st_mtime > written
    except OSError:
        return False  # an entry of an archive; or gone, and its embedding still holds


def _table(recordings: Sequence[Recording], done: Known, model: str) -> Embeddings:
    """Those of the recordings that are done, in order."""
    kept = [recording for recording in recordings if recording.path in done]
    return Embeddings(
        paths=np.array([recording.path for recording in kept]),
        vectors=np.stack([done[recording.path][0] for recording in kept]),
        ids=np.array([recording.id for recording in kept]),
        speakers=np.array([recording.speaker for recording in kept]),
        seconds=np.array([done[recording.path][1] for recording in kept]),
        model=model,
    )
