"""What the names in trials stand for: an audio file, an embedding, a speaker."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from wesep_like.data.embedding_archive import SUFFIX, Embeddings, read_embeddings
from wesep_like.data.manifest import Utterance, read_manifest, read_speech
from wesep_like.evaluation.trials import Trial, names_in, refuse

UTTERANCES = "utterances.jsonl"

# VoxCeleb's: id10270/GWXujl-xAVM/00017.wav.
_VOXCELEB = re.compile(r"(?:^|/)(id\d{5})[/-][^/]+[/-]\d+(?:\.\w+)?$")


class Names:
    """Finds recordings by id or by path.

    Args:
        ids: Of the recordings, empty where not known.
        paths: As the process can open them.
        root: The folder that a path in a list may be relative to.
    """

    def __init__(self, ids: Sequence[str], paths: Sequence[str], root: Path) -> None:
        self._paths, self._root = paths, root
        self._by_id = {name: row for row, name in enumerate(ids) if name}
        self._by_path = {path: row for row, path in enumerate(paths)}

    def find(self, name: str) -> int | None:
        """The number of the recording; None if there is none of that name."""
        for known in (self._by_id, self._by_path):
            if name in known:
                return known[name]
        return self._by_real_path.get(os.path.realpath(self._root / name))

    @cached_property
    def _by_real_path(self) -> Mapping[str, int]:
        return {os.path.realpath(path): row for row, path in enumerate(self._paths)}


def find_audio(
    trials: Iterable[Trial],
    root: str | Path,
    utterances: str | Path | None = None,
) -> dict[str, Path]:
    """Where the audio of each name is: the utterance of that id, else a file at that path.

    Args:
        trials: Whose names to look up.
        root: The folder that paths are relative to; usually that of the list of trials.
        utterances: A manifest. None: `utterances.jsonl` in the root, if there is one.

    Raises:
        TrialError: If names are neither; tells up to ten of them, then a count.
        ManifestError: If the manifest is wrong.
    """
    root = Path(root)
    if utterances is None and (root / UTTERANCES).is_file():
        utterances = root / UTTERANCES
    known = [] if utterances is None else read_speech(utterances)
    path_of_id = {utterance.id: Path(utterance.path) for utterance in known}
    found = {name: path_of_id.get(name, root / name) for name in names_in(trials)}
    lost = [name for name, path in found.items() if name not in path_of_id and not path.is_file()]
    if lost:
        ids = f"no utterance in {utterances} has that id, and " if utterances else ""
        refuse([f"{name}: {ids}there is no file {found[name]}" for name in lost], "more such names")
    return found


def find_rows(trials: Iterable[Trial], embeddings: Embeddings, root: str | Path) -> dict[str, int]:
    """Which of the embeddings each name in the trials means.

    Args:
        trials: Whose names to look up: ids, or paths.
        embeddings: To look in.
        root: The folder that paths in the trials are relative to.

    Raises:
        TrialError: If there is no embedding of a name; tells up to ten of them, then a count.
    """
    names = Names(embeddings.ids.tolist(), embeddings.paths.tolist(), Path(root))
    found = {name: names.find(name) for name in names_in(trials)}
    lost = [name for name, row in found.items() if row is None]
    if lost:
        refuse(
            [f"{name}: {embeddings.where} has nothing with that id or path" for name in lost],
            "more such names",
        )
    return {name: row for name, row in found.items() if row is not None}


def find_speakers(
    trials: Sequence[Trial], source: str | Path | None, root: str | Path
) -> dict[str, str] | None:
    """Who speaks under each name in the trials; None if that is not known.

    Args:
        trials: Whose names to look up.
        source: A manifest of utterances, or an archive of embeddings (.npz), which must know all of
            them. None: what the names say, if all are as VoxCeleb's.
        root: The folder that paths in the trials are relative to.

    Raises:
        TrialError: If the source does not know a name; tells up to ten of them, then a count.
        ManifestError: If the source is none.
    """
    if source is None:
        matches = {name: _VOXCELEB.search(name) for name in names_in(trials)}
        speakers = {name: match[1] for name, match in matches.items() if match}
        return speakers if len(speakers) == len(matches) else None
    if Path(source).suffix == SUFFIX:
        embeddings = read_embeddings(source)
        who = embeddings.known_speakers()
        names = Names(embeddings.ids.tolist(), embeddings.paths.tolist(), Path(root))
    else:
        known = read_manifest(source, Utterance)
        who = [utterance.speaker for utterance in known]
        names = Names([u.id for u in known], [u.path for u in known], Path(root))
    found = {name: names.find(name) for name in names_in(trials)}
    lost = [name for name, row in found.items() if row is None]
    if lost:
        refuse(
            [f"{name}: {source} has nothing with that id or path" for name in lost],
            "more such names",
        )
    return {name: who[row] for name, row in found.items() if row is not None}
